"""The only source of prices. Price lists for customers would be added here."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Protocol


class Priced(Protocol):
    """A product with a price. `price` is the list price of one unit, tax included."""

    @property
    def id(self) -> int: ...
    @property
    def price(self) -> Decimal: ...


def prices_for(customer: int, products: Iterable[Priced]) -> Mapping[int, Decimal]:
    """Returns the price of one unit of each product for this customer, by product id."""
    return {product.id: product.price for product in products}
