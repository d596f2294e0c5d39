"""Adds, changes and deletes categories.

`caller` is the member of staff; None for a command, which needs no rights. Each change also raises
what `require_permitted` raises.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, models, transaction

from larder.catalog import sql
from larder.catalog.errors import CategoryInUse, TooManyCategories, UnknownCategory
from larder.catalog.models import Category, Product
from larder.catalog.services.products import clashes_named
from larder.db import database, idempotency, versions
from larder.db.idempotency import Claim, Outcome
from larder.identity.caller import Caller
from larder.identity.services import audit
from larder.identity.services.credentials import require_permitted

MAX_CATEGORIES = 5_000
"""Categories of the shop: a move in the tree locks and reads all of them."""


def category_name(category: int) -> str:
    """Returns the name of a category in the audit trail."""
    return f"category:{category}"


def create_category(
    *,
    name: str,
    parent: int | None,
    caller: Caller | None,
    now: datetime,
    claim: Claim | None = None,
) -> Outcome:
    """Adds a category. Raises UnknownCategory (the parent), TooManyCategories, KeyReused."""
    with transaction.atomic(durable=True):
        return idempotency.once(claim, lambda: _insert_category(name, parent, caller), now=now)


def find_or_create(name: str, *, caller: Caller | None) -> int:
    """Returns the top category with this name, which is added if there is none, in the caller's
    transaction. Raises TooManyCategories."""
    database.execute(sql.ONE_CATEGORY)
    rows = Category.objects.filter(name=name, parent=None).order_by("id")
    known = rows.values_list("id", flat=True).first()
    return _insert_category(name, None, caller) if known is None else known


def _insert_category(name: str, parent: int | None, caller: Caller | None) -> int:
    with clashes_named():
        database.execute(sql.ONE_CATEGORY)
        if Category.objects.count() >= MAX_CATEGORIES:
            raise TooManyCategories(MAX_CATEGORIES)
        category = Category.objects.create(name=name, parent_id=parent).pk
        if category == parent:
            # The client guessed the next id, and the foreign key accepts the row itself.
            raise UnknownCategory("parent")
        connection.check_constraints()
        require_permitted(caller, "catalog.add_category")
        audit.record(category_name(category), "create", after={"name": name, "parent": parent})
    return category


def change_category(
    category: int,
    fields: Mapping[str, Any],
    *,
    caller: Caller | None,
    version: int | None = None,
) -> None:
    """Changes `name` and `parent_id`. Raises NotFound, StaleVersion, UnknownCategory."""
    with clashes_named():
        # One lock for the tree: two valid concurrent moves together could create a cycle.
        list(Category.objects.select_for_update().order_by("id").values_list("id"))
        if fields.get("parent_id") is not None:
            _refuse_ring(category, fields["parent_id"])
        row = Category.objects.filter(id=category)
        with audit.changing(category_name(category), row, fields):
            versions.update(row, version, **fields)
            require_permitted(caller, "catalog.change_category")


def delete_category(category: int, *, caller: Caller | None, version: int | None = None) -> None:
    """Deletes an empty category. Raises NotFound, StaleVersion, CategoryInUse."""
    try:
        with transaction.atomic(durable=True):
            row = Category.objects.filter(id=category)
            versions.lock(row, version)
            before = row.values("name", "parent_id").first() if audit.current() else None
            row.delete()
            connection.check_constraints()
            require_permitted(caller, "catalog.delete_category")
            audit.record(category_name(category), "delete", before=before or {})
    except (IntegrityError, models.ProtectedError) as error:
        products = Product.objects.filter(category=category).count()
        below = Category.objects.filter(parent=category).count()
        raise CategoryInUse(products, below) from error


def _refuse_ring(category: int, parent: int) -> None:
    above: int | None = parent
    parents = dict(Category.objects.values_list("id", "parent_id"))
    while above is not None:
        if above == category:
            raise UnknownCategory("parent")
        # Each parent is removed when it is visited, so an existing cycle ends the loop too.
        above = parents.pop(above, None)
