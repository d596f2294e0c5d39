"""What the catalogue tells the others. Plain data, no models."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from larder.catalog import sql
from larder.catalog.models import Category, Product
from larder.core.errors import NotFound
from larder.db import database
from larder.db.feed import Feed

CHANGES = Feed("product_change", "product_id")
"""The feed of products: ids of those that were added, changed or archived, or went in or out of
stock. Written by triggers on product (here) and on stock (inventory)."""


class Offer(Struct, frozen=True):
    """A product as it can be ordered now: list price (net, a unit) and the rules of a line."""

    id: int
    sku: str
    name: str
    price: Decimal
    min_quantity: int
    max_per_order: int | None
    step: int


def offers(products: Collection[int]) -> dict[int, Offer]:
    """The products that can be ordered, by id: neither unknown nor archived ones are in it."""
    return ask_offers(products)()


def ask_offers(products: Collection[int]) -> Callable[[], dict[int, Offer]]:
    """As `offers`, to be read later in a pipeline."""
    reading = database.ask(sql.OFFERS, [list(products)])
    return lambda: {row[0]: Offer(*row) for row in reading()}


def ids_by_sku(skus: Collection[str]) -> dict[str, int]:
    """Product ids by SKU, archived products included; an unknown SKU is not in it."""
    return dict(Product.objects.filter(sku__in=skus).values_list("sku", "id"))


def public_ids(products: Collection[int]) -> dict[int, UUID]:
    """Public ids by product id, archived products included: old orders refer to them."""
    return dict(Product.objects.filter(id__in=products).values_list("id", "public_id"))


def ids_by_public_id(public_ids: Collection[UUID]) -> dict[UUID, int]:
    """Product ids by public id; an unknown one is not in it.

    Archived products are: who wants to order one is refused where orders are placed, under the
    lock, and would be asked about too early here.
    """
    found = Product.objects.filter(public_id__in=public_ids)
    return dict(found.values_list("public_id", "id"))


@dataclass(frozen=True, slots=True)
class CategoryRow:
    """A category. `parent` is an id."""

    id: int
    name: str
    parent: int | None
    version: int


_CATEGORY = ("id", "name", "parent_id", "version")


def category(category_id: int) -> CategoryRow:
    """Raises NotFound."""
    row = Category.objects.filter(id=category_id).values_list(*_CATEGORY).first()
    if row is None:
        raise NotFound
    return CategoryRow(*row)


def categories(*, after: int, limit: int) -> list[CategoryRow]:
    """Up to `limit` categories with an id above `after`, by id."""
    page = Category.objects.filter(id__gt=after).order_by("id")[:limit]
    return [CategoryRow(*row) for row in page.values_list(*_CATEGORY)]
