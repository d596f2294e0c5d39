"""Adds, changes, archives and restores products. Triggers of inventory create the stock row of a
new product, and make archiving wait for transactions that are placing orders of it.

`caller` is the member of staff; None for a command, which needs no rights. Each change also raises
what `require_permitted` raises.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.utils.crypto import get_random_string
from django.utils.translation import gettext, gettext_noop

from larder.catalog import sql
from larder.catalog.errors import UnknownCategory
from larder.catalog.fields import FIELDS, INTERNAL
from larder.catalog.models import Category, Product
from larder.catalog.queries import ids_by_sku
from larder.core.errors import AlreadyTaken, DomainError, Fault, InvalidInput, NotFound, together
from larder.db import database, versions
from larder.db.constraints import insert_unless_taken, refusing_taken, violated
from larder.identity.caller import Caller
from larder.identity.services import audit
from larder.identity.services.credentials import require_permitted

ARCHIVE = "catalog.delete_product"
"""The permission to archive products, and to put them on sale again."""

_META: Any = Product._meta

DEFAULTS: Mapping[str, Any] = {
    field.column: _META.get_field(field.name).get_default()
    for field in FIELDS
    if not field.is_required
}
"""The default values of the optional fields. SKU, name and price are required."""


_REPLACED = {
    name: value
    for name, value in DEFAULTS.items()
    if name not in {"tax_rate", *(field.column for field in INTERNAL)}
}
"""What a replacement without these fields sets. Programs of before do not know the others."""


def create_product(
    fields: Mapping[str, Any], *, caller: Caller | None, now: datetime, unique_name: bool = False
) -> int:
    """Adds a product with these fields, by column; `name` and `price` are required, and without
    `sku` it gets a new one. With `unique_name` no other product on sale may have the same name.
    Returns its id. Raises AlreadyTaken (SKU, name), UnknownCategory, InvalidInput (of a line)."""
    values = {"sku": new_sku(), **_stripped(fields)}
    with clashes_named(partial(_clashes, values)):
        if unique_name:
            claim_name(values["name"])
        product = Product(**values, created_at=now, updated_at=now)
        if not insert_unless_taken(product):
            raise AlreadyTaken("sku")
        require_permitted(caller, "catalog.add_product")
        audit.record_difference(product_name(product.pk), {}, values, action="create")
    return product.pk


def product_name(product: int) -> str:
    """Returns the name of a product in the audit trail."""
    return f"product:{product}"


def new_sku() -> str:
    """Returns a SKU for people to type, such as `L-7H3K9-Q2MV4`. Among a million products the
    probability of two equal ones is 1 in 2,000; the database refuses one."""
    letters = get_random_string(10, "0123456789ABCDEFGHJKMNPQRSTVWXYZ")
    return f"L-{letters[:5]}-{letters[5:]}"


def change_product(
    product: int,
    fields: Mapping[str, Any],
    *,
    caller: Caller | None,
    now: datetime,
    version: int | None = None,
) -> None:
    """Changes fields of a product on sale, perhaps in the caller's transaction; with `version`,
    only if that is the current one. Raises NotFound, StaleVersion, AlreadyTaken (SKU),
    UnknownCategory, InvalidInput (rules of a line)."""
    listed, changes = Product.objects.filter(id=product, archived_at=None), _stripped(fields)
    with (
        clashes_named(partial(_clashes, fields, product)),
        audit.changing(product_name(product), listed, changes),
    ):
        versions.update(listed, version, **changes, updated_at=now)
        require_permitted(caller, "catalog.change_product")


def claim_name(name: str, *, product: int | None = None) -> None:
    """Reserves a name for a product (None: a new one) until the transaction ends; only one of the
    APIs requires unique names. Raises AlreadyTaken if another product on sale has the name."""
    database.execute(sql.LOCK_NAME, [name])
    named = Product.objects.filter(name=name, archived_at=None).values_list("id", flat=True)
    if set(named) - {product}:
        raise AlreadyTaken("name")


def lock_product(product: int) -> None:
    """Locks a product on sale until the transaction ends. Raises NotFound."""
    listed = Product.objects.filter(id=product, archived_at=None)
    if not listed.select_for_update(no_key=True).values_list("id", flat=True).first():
        raise NotFound


def find_and_lock(sku: str) -> tuple[int, int] | None:
    """Returns id and version of the product with this SKU, on sale or archived, which it locks."""
    rows = Product.objects.filter(id__in=ids_by_sku([sku]).values())
    return rows.select_for_update(no_key=True).values_list("id", "version").first()


def replace_product(
    product: int,
    fields: Mapping[str, Any],
    *,
    caller: Caller | None,
    now: datetime,
    version: int | None = None,
) -> None:
    """Sets all fields of a locked product, except its SKU, to `fields` and DEFAULTS; internal
    fields that are not given stay as they are. Puts it on sale again if it was archived, which
    needs ARCHIVE too. Equal values are no change, whatever the `version`. Raises StaleVersion,
    UnknownCategory, InvalidInput (rules of a line)."""
    values: dict[str, Any] = {**_REPLACED, **_stripped(fields), "archived_at": None}
    present = Product.objects.filter(id=product).values(*values).get()
    changed = {name: value for name, value in values.items() if present[name] != value}
    if changed:
        with clashes_named(partial(_clashes, values, product)):
            versions.update(Product.objects.filter(id=product), version, **changed, updated_at=now)
            revived = [ARCHIVE] if "archived_at" in changed else []
            require_permitted(caller, "catalog.change_product", *revived)
            audit.record_difference(product_name(product), present, changed)


def archive_product(
    product: int, *, caller: Caller | None, now: datetime, version: int | None = None
) -> None:
    """Takes a product off sale; orders keep it. Raises NotFound, StaleVersion."""
    listed = Product.objects.filter(id=product, archived_at=None)
    change, name = {"archived_at": now}, product_name(product)
    with transaction.atomic(durable=True), audit.changing(name, listed, change, action="archive"):
        versions.update(listed, version, **change, updated_at=now)
        require_permitted(caller, ARCHIVE)


def restore_product(product: int, *, caller: Caller | None, now: datetime) -> None:
    """Puts an archived product on sale again, with its stock. Raises NotFound."""
    archived = Product.objects.filter(id=product, archived_at__isnull=False)
    change, name = {"archived_at": None}, product_name(product)
    with transaction.atomic(durable=True), audit.changing(name, archived, change, action="restore"):
        versions.update(archived, None, **change, updated_at=now)
        require_permitted(caller, ARCHIVE)


def _stripped(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.strip() if name == "barcode" else value for name, value in fields.items()}


BROKEN_RULE = {
    "product_rules": (
        "max_per_order",
        gettext_noop("max_per_order must not be less than min_quantity."),
    ),
    "product_step": (
        "step",
        gettext_noop("No multiple of step lies between min_quantity and max_per_order."),
    ),
}
"""The field at which each constraint has its fault, and the detail: no quantity is allowed."""


def _broken(constraint: str) -> InvalidInput:
    field, detail = BROKEN_RULE[constraint]
    return InvalidInput([Fault(f"/{field}", "out_of_range", gettext(detail))])


@contextmanager
def clashes_named(check: Callable[[], Iterable[DomainError]] = tuple) -> Iterator[None]:
    """Runs the block in a transaction, or in a part of one. Turns a violation of a constraint, also
    of a deferred one, into a DomainError, with the others that `check` returns: the database
    reports the first only."""
    try:
        with refusing_taken(), transaction.atomic():
            yield
            connection.check_constraints()
    except (AlreadyTaken, IntegrityError) as error:
        clash = error if isinstance(error, AlreadyTaken) else _clash(error)
        raise together([clash, *(other for other in check() if other != clash)]) from error


def _clash(error: IntegrityError) -> DomainError:
    constraint = violated(error)
    if constraint in BROKEN_RULE:
        return _broken(constraint)
    for field in ("parent", "category"):
        if field in constraint:
            return UnknownCategory(field)
    raise error


def _clashes(fields: Mapping[str, Any], product: int | None = None) -> Iterator[DomainError]:
    rules = {"min_quantity": 1, "max_per_order": None, "step": 1}
    present = Product.objects.filter(Q(id=product)).values(*rules).first() or rules
    if broken := broken_rule(**{name: fields.get(name, present[name]) for name in rules}):
        yield _broken(broken)
    if "sku" in fields and set(ids_by_sku([fields["sku"]]).values()) - {product}:
        yield AlreadyTaken("sku")
    category = fields.get("category_id")
    if category is not None and not Category.objects.filter(id=category).exists():
        yield UnknownCategory("category")


def broken_rule(*, min_quantity: int, max_per_order: int | None, step: int) -> str:
    """Returns the constraint that these rules violate, first `product_rules`; empty without one."""
    if max_per_order is None:
        return ""
    if max_per_order < min_quantity:
        return "product_rules"
    return "product_step" if max_per_order // step * step < min_quantity else ""
