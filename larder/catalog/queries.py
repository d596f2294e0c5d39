"""Reads of the catalogue for other modules. They return plain data, not models."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct

from larder.catalog import sql
from larder.catalog.category_names import CategoryNames
from larder.catalog.fields import INTERNAL
from larder.catalog.models import Category, Product
from larder.core.errors import NotFound
from larder.db import database
from larder.db.feed import Feed

CHANGES = Feed("product_change", "product_id")
"""The product feed: the ids of products that were added, changed or archived, or went in or out of
stock. Triggers on product (here) and on stock (inventory) write it."""


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
    """Returns product ids by SKU, including archived products, without unknown SKUs."""
    return dict(Product.objects.filter(sku__in=skus).values_list("sku", "id"))


def public_ids(products: Collection[int]) -> dict[int, UUID]:
    """Returns public ids by product id, including archived products: old orders refer to them."""
    return dict(Product.objects.filter(id__in=products).values_list("id", "public_id"))


def ids_by_public_id(public_ids: Collection[UUID]) -> dict[UUID, int]:
    """Returns product ids by public id, without unknown ones.

    Archived products are included: placing refuses them later, under the lock.
    """
    found = Product.objects.filter(public_id__in=public_ids)
    return dict(found.values_list("public_id", "id"))


def internal_fields(product: int) -> dict[str, Any]:
    """Returns the fields of a product that only staff see, by their names."""
    names = [one.name for one in INTERNAL]
    return dict(Product.objects.filter(id=product).values(*names).get())


@dataclass(frozen=True, slots=True)
class CategoryRow:
    """A category. `parent` is an id."""

    id: int
    name: str
    parent: int | None
    version: int


_CATEGORY = ("id", "name", "parent_id", "version")


def category(category_id: int) -> CategoryRow:
    """Returns a category. Raises NotFound."""
    row = Category.objects.filter(id=category_id).values_list(*_CATEGORY).first()
    if row is None:
        raise NotFound
    return CategoryRow(*row)


def categories(*, after: int, limit: int) -> list[CategoryRow]:
    """Returns up to `limit` categories with an id above `after`, by id."""
    page = Category.objects.filter(id__gt=after).order_by("id")[:limit]
    return [CategoryRow(*row) for row in page.values_list(*_CATEGORY)]


def category_names() -> CategoryNames:
    """Returns the names and paths of all categories."""
    rows = Category.objects.values_list("id", "name", "parent_id")
    return CategoryNames({id: (name, parent) for id, name, parent in rows})
