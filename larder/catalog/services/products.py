"""Adds, changes, archives and restores products.

Triggers of inventory do two more things: they create the stock row of a new product, and they make
archiving a product wait for the transactions that are placing orders of it.

`caller` is the member of staff; None for a command, which needs no rights. Each change also raises
what `require_permitted` raises.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from django.db import models, transaction

from larder.catalog import sql
from larder.catalog.errors import PricesChanged
from larder.catalog.fields import FIELDS, INTERNAL
from larder.catalog.models import Product
from larder.catalog.queries import ids_by_sku
from larder.catalog.services.clashes import all_clashes_named, clashes_named
from larder.core.errors import AlreadyTaken, NotFound, StaleVersion
from larder.core.ids import new_id
from larder.db import database, versions
from larder.db.constraints import insert_unless_taken
from larder.identity.caller import Caller
from larder.identity.services import audit
from larder.identity.services.credentials import require_permitted

ARCHIVE = "catalog.delete_product"
"""The permission to archive products, and to put them on sale again."""

EDITABLE = frozenset(field.column for field in FIELDS)


_META: Any = Product._meta


DEFAULTS: Mapping[str, Any] = {
    field.column: _META.get_field(field.name).get_default()
    for field in FIELDS
    if not field.is_required
}
"""The default values of the optional fields. SKU, name and price are required."""


_KEPT = {"tax_rate", *(field.column for field in INTERNAL)}


_REPLACED = {name: value for name, value in DEFAULTS.items() if name not in _KEPT}
"""What a replacement without these fields sets. Programs of before do not know the others."""


def create_product(
    fields: Mapping[str, Any], *, caller: Caller | None, now: datetime, unique_name: bool = False
) -> int:
    """Adds a product with the given EDITABLE fields; `name` and `price` are required.

    Without `sku` the product gets one from `sku_of`. With `unique_name` no other product on sale
    may have the same name. Returns its id. Raises AlreadyTaken (SKU, name), UnknownCategory,
    InvalidInput (rules of a line).
    """
    public_id = new_id()
    given = {"sku": sku_of(public_id)} | _editable(fields)
    with all_clashes_named(given):
        if unique_name:
            claim_name(given["name"])
        product = Product(**given, public_id=public_id, created_at=now, updated_at=now)
        if not insert_unless_taken(product):
            raise AlreadyTaken("sku")
        require_permitted(caller, "catalog.add_product")
        audit.record_difference(product_name(product.pk), {}, given, action="create")
    return product.pk


def product_name(product: int) -> str:
    """Returns the name of a product in the audit trail."""
    return f"product:{product}"


def sku_of(public_id: UUID) -> str:
    """Returns the SKU of a product that was added without one: `L-7H3K9-Q2MV4`, for people to type.

    It has the last 50 bits of the public id, which are random, in Crockford's base32. Among a
    million products the probability of two equal SKUs is 1 in 2,000; the database refuses one.

    >>> sku_of(UUID(int=2**50 - 2))
    'L-ZZZZZ-ZZZZY'
    """
    letters = "".join(_CROCKFORD[public_id.int >> shift & 31] for shift in range(45, -1, -5))
    return f"L-{letters[:5]}-{letters[5:]}"


_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True, slots=True)
class NewProduct:
    """A product of a bulk load. `price`: of one unit, tax included."""

    sku: str
    name: str
    price: Decimal
    tax_rate: Decimal | None = None
    description: str = ""
    category_id: int | None = None
    image_url: str = ""


def create_products(new: Sequence[NewProduct], *, now: datetime) -> dict[str, int]:
    """Adds many products in a few statements. Returns their ids by SKU.

    Raises AlreadyTaken (SKU), UnknownCategory.
    """
    rows = [Product(**asdict(product), created_at=now, updated_at=now) for product in new]
    with clashes_named():
        products = Product.objects.bulk_create(rows, batch_size=250)
        audit.record_all([_loaded(row.pk, one) for row, one in zip(products, new, strict=True)])
    return {product.sku: product.pk for product in products}


def _loaded(product: int, new: NewProduct) -> audit.Entry:
    after = {name: value for name, value in asdict(new).items() if value not in (None, "")}
    return audit.Entry(product_name(product), "create", after=after)


def change_product(
    product: int,
    fields: Mapping[str, Any],
    *,
    caller: Caller | None,
    now: datetime,
    version: int | None = None,
) -> None:
    """Changes fields of a product that is not archived.

    With `version`, only if that is the current one. Raises NotFound, StaleVersion, AlreadyTaken
    (SKU), UnknownCategory, InvalidInput (rules of a line).
    """
    with all_clashes_named(fields, product, durable=True):
        _change(product, fields, caller, now, version)


def change_within(
    product: int, fields: Mapping[str, Any], *, caller: Caller | None, now: datetime
) -> None:
    """Changes fields of a product as `change_product` does, in the caller's transaction."""
    with all_clashes_named(fields, product):
        _change(product, fields, caller, now, None)


def _change(
    product: int,
    fields: Mapping[str, Any],
    caller: Caller | None,
    now: datetime,
    version: int | None,
) -> None:
    listed, wanted = Product.objects.filter(id=product, archived_at=None), _editable(fields)
    with audit.changing(product_name(product), listed, wanted):
        _refuse_taken_sku(listed, product, wanted, version)
        versions.update(listed, version, **wanted, updated_at=now)
        require_permitted(caller, "catalog.change_product")


def _refuse_taken_sku(
    listed: models.QuerySet[Product],
    product: int,
    wanted: Mapping[str, Any],
    version: int | None,
) -> None:
    """Raises AlreadyTaken before the update would fail, which PostgreSQL would log as an error; but
    first NotFound and StaleVersion, as the update."""
    if "sku" in wanted and set(ids_by_sku([wanted["sku"]]).values()) - {product}:
        versions.require(listed, version)
        raise AlreadyTaken("sku")


class NewPrice(NamedTuple):
    """A price to be set, with the price that it replaces: of one unit, tax included."""

    product: int
    former: Decimal
    price: Decimal


def change_prices(wanted: Sequence[NewPrice], *, caller: Caller | None, now: datetime) -> None:
    """Sets the prices of different products on sale: all of them or none, in one transaction.

    Raises PricesChanged if a product has another price than `former`, or is archived, and what
    `require_permitted` raises.
    """
    ids = [price.product for price in wanted]
    with transaction.atomic(durable=True):
        listed = Product.objects.filter(id__in=ids, archived_at=None).order_by("id")
        present = dict(listed.select_for_update(no_key=True).values_list("id", "price"))
        other = [price.product for price in wanted if present.get(price.product) != price.former]
        if other:
            named = Product.objects.filter(id__in=other).order_by("sku")
            raise PricesChanged(list(named.values_list("sku", flat=True)))
        for new in wanted:
            row = Product.objects.filter(id=new.product)
            versions.update(row, None, price=new.price, updated_at=now)
        require_permitted(caller, "catalog.change_product")
        audit.record_all(
            [
                audit.Entry(
                    product_name(new.product), "change", {"price": new.former}, {"price": new.price}
                )
                for new in wanted
            ]
        )


def claim_name(name: str, *, product: int | None = None) -> None:
    """Reserves a name for a product (None: a new one) until the transaction ends.

    Raises AlreadyTaken if another product on sale has the name. Only one of the APIs requires
    unique names.
    """
    database.execute(sql.LOCK_NAME, [name])
    named = Product.objects.filter(name=name, archived_at=None).values_list("id", flat=True)
    if set(named) - {product}:
        raise AlreadyTaken("name")


def lock_product(product: int) -> None:
    """Locks a product on sale against changes and archiving until the transaction ends. Raises
    NotFound."""
    listed = Product.objects.filter(id=product, archived_at=None)
    if not listed.select_for_update(no_key=True).values_list("id", flat=True).first():
        raise NotFound


class LockedProduct(NamedTuple):
    """A product that no other transaction changes until this one ends."""

    id: int
    version: int


def find_and_lock(sku: str) -> LockedProduct | None:
    """Returns the product with this SKU, on sale or archived, locked as by `lock_product`. None if
    there is none."""
    rows = Product.objects.filter(id__in=ids_by_sku([sku]).values())
    rows = rows.select_for_update(no_key=True)
    locked = rows.values_list("id", "version").first()
    return None if locked is None else LockedProduct(*locked)


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
    needs ARCHIVE too. Equal values are no change.

    With `version` it changes only if that is the current one. Raises StaleVersion, UnknownCategory,
    InvalidInput (rules of a line).
    """
    wanted: dict[str, Any] = {**_REPLACED, **_editable(fields), "archived_at": None}
    present = Product.objects.filter(id=product).values("version", *wanted).get()
    changed = {name: value for name, value in wanted.items() if present[name] != value}
    if changed and version not in (None, present["version"]):
        raise StaleVersion(present["version"])
    if changed:
        with all_clashes_named(wanted, product):
            versions.update(Product.objects.filter(id=product), None, **changed, updated_at=now)
            revived = [ARCHIVE] if "archived_at" in changed else []
            require_permitted(caller, "catalog.change_product", *revived)
            audit.record_difference(product_name(product), present, changed)


def archive_product(
    product: int, *, caller: Caller | None, now: datetime, version: int | None = None
) -> None:
    """Archives a product, so that it is no longer on sale. Orders keep it.

    Raises NotFound, StaleVersion.
    """
    listed = Product.objects.filter(id=product, archived_at=None)
    name, wanted = product_name(product), {"archived_at": now}
    with clashes_named(durable=True), audit.changing(name, listed, wanted, action="archive"):
        versions.update(listed, version, **wanted, updated_at=now)
        require_permitted(caller, ARCHIVE)


def restore_product(product: int, *, caller: Caller | None, now: datetime) -> None:
    """Puts an archived product on sale again, with the stock that it has.

    Raises NotFound (also for a product on sale), InvalidInput (rules of a line that are older than
    their check).
    """
    archived = Product.objects.filter(id=product, archived_at__isnull=False)
    name, wanted = product_name(product), {"archived_at": None}
    with clashes_named(durable=True), audit.changing(name, archived, wanted, action="restore"):
        versions.update(archived, None, **wanted, updated_at=now)
        require_permitted(caller, ARCHIVE)


def _editable(fields: Mapping[str, Any]) -> dict[str, Any]:
    unknown = fields.keys() - EDITABLE
    if unknown:
        raise TypeError(f"not fields of a product: {sorted(unknown)}")
    return {name: _stored(name, value) for name, value in fields.items()}


def _stored(column: str, value: Any) -> Any:
    return value.strip() if column == "barcode" else value
