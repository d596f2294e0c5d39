"""Places an order through an earlier contract, with the use case of v1."""

from collections.abc import Iterable, Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from larder.compat.fields import Lines, Units
from larder.compat.pages import Rows
from larder.compat.views import CompatView, caller
from larder.core.clock import now
from larder.core.errors import DomainError, UnknownProducts
from larder.core.limits import MAX_ID
from larder.http import problems
from larder.http.api_headers import idempotency_key, operation_of
from larder.http.shop import terms
from larder.identity.caller import Caller
from larder.inventory.errors import InsufficientStock
from larder.orders import queries
from larder.orders.decision import RequestedLine
from larder.orders.errors import OrderRefusal, OrderTooSmall
from larder.orders.queries import OrderFilter, OrderView
from larder.orders.services.batches import place_order
from larder.orders.services.placing.placement import Placed, Placement


class LineById(serializers.Serializer[Any]):
    """A line with the integer id of its product."""

    id = Units(min_value=-MAX_ID - 1, max_value=MAX_ID)
    quantity = Units()


class LinesById(serializers.Serializer[Any]):
    """A body with lines. Other members are ignored."""

    products = Lines(child=LineById())


def place(who: Caller, lines: Iterable[tuple[int, int]], **options: Any) -> Placed:
    """Places an order of (product id, quantity) lines for the caller.

    `options` are further fields of Placement. Raises the errors of `place_order`.
    """
    ordered = [RequestedLine(product, quantity) for product, quantity in lines]
    placement = Placement(customer=who.id, actor=who.public_id, lines=ordered, **options)
    return place_order(placement, terms=terms(), now=now())


def place_keyed(request: Request, lines: Iterable[tuple[int, int]]) -> Placed:
    """Places an order for the caller, once for each `Idempotency-Key`, if the request has one.

    Raises the errors of `place`, InvalidInput and KeyReused.
    """
    key = idempotency_key(request.META)
    return place(caller(request), lines, key=key, operation=operation_of(request._request))


def placed_orders(view: CompatView, *, newest_first: bool) -> Rows[OrderView]:
    """Returns the caller's placed orders."""
    who = caller(view.request).id
    return Rows(
        lambda: queries.count(OrderFilter(who)),
        lambda offset, limit: view.whole(
            queries.page(who, newest_first=newest_first, offset=offset, limit=limit)
        ),
    )


REFUSED = (UnknownProducts, InsufficientStock, OrderRefusal)
"""The errors of an order. These contracts answer 400 to all of them."""


def refusal(error: DomainError) -> ValidationError:
    """Returns one of REFUSED as `detail` → a sentence for each faulty line, or for the order."""
    lines = error.extensions.get("lines", ())
    reasons = [_REASONS[line["code"]].format(**line) for line in lines]
    of_the_order = _SENTENCES.get(type(error), problems.kind_of(error.code).title)
    return ValidationError({"detail": " ".join(reasons) or of_the_order})


_SENTENCES: Mapping[type[DomainError], str] = {OrderTooSmall: "The order is too small."}
_REASONS = {
    "unknown_product": "Product {product} does not exist.",
    "insufficient_stock": "Not enough stock of product {product}.",
    "order_rule": "This quantity of product {product} is not sold.",
}
