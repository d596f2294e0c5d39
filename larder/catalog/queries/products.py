"""Reads products, without their stock."""

from collections.abc import Callable, Collection
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct

from larder.catalog import sql
from larder.catalog.barcodes import spellings
from larder.catalog.fields import INTERNAL
from larder.catalog.models import Product
from larder.core.limits import MAX_OFFERED_PRODUCTS
from larder.db import database


class Offer(Struct, frozen=True):
    """A product on sale: its current list price of one unit with the tax rate in it, if one is
    known, and its rules for a line."""

    id: int
    sku: str
    name: str
    price: Decimal
    min_quantity: int
    max_per_order: int | None
    step: int
    tax_rate: Decimal | None = None


def offers(products: Collection[int]) -> dict[int, Offer]:
    """Returns the products that can be ordered, by id, without unknown and archived ones."""
    return submit_offers(products)()


def submit_offers(products: Collection[int]) -> Callable[[], dict[int, Offer]]:
    """Submits the statement of `offers`, and returns a function that reads its result."""
    reading = database.submit(sql.OFFERS, [list(products)])
    return lambda: {row[0]: Offer(*row) for row in reading()}


def ids_by_sku(skus: Collection[str]) -> dict[str, int]:
    """Returns product ids by SKU, including archived products, without unknown SKUs. A SKU is known
    if it is that of a product when both are folded."""
    return dict(database.rows(sql.IDS_BY_SKU, [list(skus)]))


def ids_by_code(code: str, *, archived: bool = False) -> list[int]:
    """Returns the product with this SKU, or else those with this barcode, up to
    MAX_OFFERED_PRODUCTS (index product_by_code): those on sale, or with `archived` all."""
    if found := ids_by_sku([code]):
        return [*found.values()]
    codes = spellings(code)
    coded = Product.objects.filter(barcode__in=codes, barcode__gt="")
    coded = coded if archived else coded.filter(archived_at=None)
    return list(coded.order_by("id").values_list("id", flat=True)[:MAX_OFFERED_PRODUCTS])


def public_ids(products: Collection[int]) -> dict[int, UUID]:
    """Returns public ids by product id, including archived products: old orders refer to them."""
    return dict(Product.objects.filter(id__in=products).values_list("id", "public_id"))


def ids_by_public_id(public_ids: Collection[UUID]) -> dict[UUID, int]:
    """Returns product ids by public id, without unknown ones.

    Archived products are included: placing refuses them later, under the lock.
    """
    products = Product.objects.filter(public_id__in=public_ids)
    return dict(products.values_list("public_id", "id"))


def internal_fields(product: int) -> dict[str, Any]:
    """Returns the fields of a product that only staff see, by their names."""
    names = [field.name for field in INTERNAL]
    return dict(Product.objects.filter(id=product).values(*names).get())
