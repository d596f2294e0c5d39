"""Placing an order through an earlier contract: v1's use case, with the contract's own lines."""

from collections.abc import Iterable
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from larder.compat.fields import Lines, Units
from larder.core.clock import now
from larder.core.errors import DomainError, UnknownProducts
from larder.core.limits import MAX_ID
from larder.http.shop import terms
from larder.identity.caller import Caller
from larder.inventory.errors import InsufficientStock
from larder.orders.decision import Wanted
from larder.orders.errors import LineRefusal, OrderTooSmall
from larder.orders.services.place_order import place_order
from larder.orders.services.placement import Placed, Placement


class LineById(serializers.Serializer[Any]):
    """A line that names its product by the integer id."""

    id = Units(min_value=-MAX_ID - 1, max_value=MAX_ID)
    quantity = Units()


class LinesById(serializers.Serializer[Any]):
    """A body with lines; whatever else it says is not looked at."""

    products = Lines(child=LineById())


def place(who: Caller, lines: Iterable[tuple[int, int]], **options: Any) -> Placed:
    """Places an order of (product id, quantity) for who is asking.

    `options` are further fields of Placement. Raises what `place_order` raises.
    """
    wanted = [Wanted(product, quantity) for product, quantity in lines]
    asked = Placement(customer=who.id, actor=who.public_id, lines=wanted, **options)
    return place_order(asked, terms=terms(), now=now())


REFUSED = (UnknownProducts, InsufficientStock, LineRefusal, OrderTooSmall)
"""What is wrong with the lines of an order; these contracts answer 400 to all of it."""


def refusal(error: DomainError) -> ValidationError:
    """One of REFUSED as `detail` → a sentence for every faulty line, by its product's id."""
    said = [_REASONS[line["code"]].format(**line) for line in error.extensions["lines"]]
    return ValidationError({"detail": " ".join(said) or "The order is too small."})


_REASONS = {
    "unknown_product": "Product {product} does not exist.",
    "insufficient_stock": "Not enough stock of product {product}.",
    "order_rule": "This quantity of product {product} is not sold.",
}
