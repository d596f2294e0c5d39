"""What is offered, and the only source of prices. Price lists for customers would be added here."""

from collections.abc import Callable, Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from larder.catalog import sql
from larder.db import database


class Offer(Struct, frozen=True):
    """A product on sale: its current list price of one unit with the tax rate in it, if one is
    known, and its rules for a line. Each field is a column of the product."""

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
    reading = database.submit(OFFERS, [list(products)])
    return lambda: {row[0]: Offer(*row) for row in reading()}


OFFERS = sql.OFFERS.format(", ".join(Offer.__struct_fields__))


def prices_for(customer: int, products: Iterable[Any]) -> Mapping[int, Decimal]:
    """Returns the price of one unit for this customer, tax included, of each of these products or
    offers, by product id."""
    return {product.id: product.price for product in products}
