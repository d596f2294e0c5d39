"""The only source of a price: the seam where price lists would go."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Protocol


class Priced(Protocol):
    """A product as far as its price is concerned. `price` is the list price, net, a unit."""

    @property
    def id(self) -> int: ...
    @property
    def price(self) -> Decimal: ...


def prices_for(customer: int, products: Iterable[Priced]) -> Mapping[int, Decimal]:
    """What a unit of each product costs this customer, by product id."""
    return {product.id: product.price for product in products}
