"""Every write of the catalogue.

Creating a product also makes its stock row, and archiving one waits for the orders that are
being placed for it: both by triggers of inventory, whoever writes.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NoReturn

from django.db import IntegrityError, OperationalError, connection, models, transaction
from django.db.models import F

from larder.catalog.errors import CategoryInUse, UnknownCategory
from larder.catalog.models import Category, Product
from larder.common import idempotency
from larder.common.errors import AlreadyTaken, Fault, InvalidInput, NotFound, StaleVersion
from larder.common.idempotency import Claim, Made

EDITABLE = frozenset(
    {
        "sku",
        "name",
        "description",
        "category_id",
        "price",
        "unit",
        "barcode",
        "image_url",
        "min_quantity",
        "max_per_order",
        "step",
    }
)


def create_product(fields: Mapping[str, Any], *, now: datetime) -> int:
    """Adds a product with the EDITABLE fields given; `sku`, `name` and `price` are needed.

    Returns its id. Raises AlreadyTaken (SKU), UnknownCategory, InvalidInput (rules of a line).
    """
    with _clashes_named():
        return Product.objects.create(**_editable(fields), created_at=now, updated_at=now).pk


@dataclass(frozen=True, slots=True)
class NewProduct:
    """A product of a bulk load. `price`: net, a unit."""

    sku: str
    name: str
    price: Decimal


def create_products(new: Sequence[NewProduct], *, now: datetime) -> dict[str, int]:
    """Adds many products in a few statements; returns their ids by SKU.

    Raises AlreadyTaken (SKU).
    """
    rows = [
        Product(sku=one.sku, name=one.name, price=one.price, created_at=now, updated_at=now)
        for one in new
    ]
    with _clashes_named():
        made = Product.objects.bulk_create(rows, batch_size=1000)
    return {product.sku: product.pk for product in made}


def change_product(
    product: int,
    fields: Mapping[str, Any],
    *,
    now: datetime,
    version: int | None = None,
) -> None:
    """Changes fields of a product that is not archived.

    With `version` only if that is the present one. Raises NotFound, StaleVersion, AlreadyTaken
    (SKU), UnknownCategory, InvalidInput (rules of a line).
    """
    listed = Product.objects.filter(id=product, archived_at=None)
    _update(listed, version, _editable(fields) | {"updated_at": now})


def archive_product(product: int, *, now: datetime, version: int | None = None) -> None:
    """Takes a product off sale. Orders keep it. Raises NotFound, StaleVersion."""
    listed = Product.objects.filter(id=product, archived_at=None)
    _update(listed, version, {"archived_at": now, "updated_at": now})


def create_category(
    *, name: str, parent: int | None, now: datetime, claim: Claim | None = None
) -> Made:
    """Adds a category. Raises UnknownCategory (the parent), KeyReused."""
    with transaction.atomic(durable=True):
        made = idempotency.once(claim, lambda: _insert_category(name, parent), now=now)
    return Made(int(made.result), made.replayed)


def _insert_category(name: str, parent: int | None) -> int:
    with _clashes_named():
        return Category.objects.create(name=name, parent_id=parent).pk


def change_category(
    category: int, fields: Mapping[str, Any], *, version: int | None = None
) -> None:
    """Changes `name` and `parent_id`. Raises NotFound, StaleVersion, UnknownCategory."""
    with transaction.atomic():
        # One tree, one lock: two moves at once could each be right and together make a ring.
        list(Category.objects.select_for_update().order_by("id").values_list("id"))
        if fields.get("parent_id") is not None:
            _refuse_ring(category, fields["parent_id"])
        _update(Category.objects.filter(id=category), version, fields)


def delete_category(category: int, *, version: int | None = None) -> None:
    """Deletes an empty category. Raises NotFound, StaleVersion, CategoryInUse."""
    rows = Category.objects.filter(id=category)
    try:
        with transaction.atomic():
            deleted, _ = _at_version(rows, version).delete()
            connection.check_constraints()
    except (IntegrityError, models.ProtectedError) as error:
        raise CategoryInUse from error
    if not deleted:
        _explain_miss(rows, version)


def _refuse_ring(category: int, parent: int) -> None:
    above: int | None = parent
    parents = dict(Category.objects.values_list("id", "parent_id"))
    while above is not None:
        if above == category:
            raise UnknownCategory
        above = parents.get(above)


def _editable(fields: Mapping[str, Any]) -> dict[str, Any]:
    unknown = fields.keys() - EDITABLE
    if unknown:
        raise TypeError(f"no fields of a product: {sorted(unknown)}")
    return dict(fields)


def _update(rows: "models.QuerySet[Any]", version: int | None, changes: Mapping[str, Any]) -> None:
    """Writes, and counts the version up: with `version` given, a compare-and-swap."""
    with _clashes_named():
        updated = _at_version(rows, version).update(version=F("version") + 1, **changes)
    if not updated:
        _explain_miss(rows, version)


def _at_version(rows: "models.QuerySet[Any]", version: int | None) -> "models.QuerySet[Any]":
    return rows if version is None else rows.filter(version=version)


def _explain_miss(rows: "models.QuerySet[Any]", version: int | None) -> NoReturn:
    """Nothing was written: because the row is gone, or because it has another version."""
    present = rows.values_list("version", flat=True).first()
    if version is None or present is None:
        raise NotFound
    raise StaleVersion(present)


@contextmanager
def _clashes_named() -> Iterator[None]:
    """Turns a constraint's refusal into ours. Looks at deferred foreign keys too."""
    try:
        with transaction.atomic():
            yield
            connection.check_constraints()
    except IntegrityError as error:
        raise _clash(error) from error
    except OperationalError as error:
        raise _over_limit(error) from error


def _clash(error: IntegrityError) -> Exception:
    constraint = getattr(getattr(error.__cause__, "diag", None), "constraint_name", "") or ""
    if "sku" in constraint:
        return AlreadyTaken("sku")
    if constraint == "product_rules":
        detail = "max_per_order must not be less than min_quantity."
        return InvalidInput([Fault("/max_per_order", "out_of_range", detail)])
    return UnknownCategory() if "category" in constraint or "parent" in constraint else error


def _over_limit(error: OperationalError) -> Exception:
    """A name of which PostgreSQL's index cannot hold the bytes: emoji count for four each."""
    if getattr(error.__cause__, "sqlstate", None) != "54000":
        return error
    detail = "Too long in bytes: 650 characters always fit, 1,024 where most are Latin."
    return InvalidInput([Fault("/name", "too_long", detail)])
