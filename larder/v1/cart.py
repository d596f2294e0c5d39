"""The cart: the customer's next order on the server, the same on all devices."""

from decimal import Decimal
from functools import partial
from typing import Annotated
from uuid import UUID

import msgspec
from django.conf import settings
from django.http import HttpRequest
from msgspec import UNSET, Meta, UnsetType

from larder.core import money
from larder.core.clock import now
from larder.core.limits import MAX_LINES, TOTAL_DIGITS
from larder.http.api_headers import idempotency_key, operation_of
from larder.http.preconditions import tag_wanted
from larder.http.shop import terms
from larder.identity.caller import Caller
from larder.orders import queries as orders
from larder.orders.decision import RequestedLine
from larder.orders.queries import carts
from larder.orders.queries.carts import CartVersion
from larder.orders.services import cart
from larder.orders.services.batches import place_order
from larder.orders.services.placing.placement import ExpectedCart, Placement
from larder.v1.http import Answer, shaped
from larder.v1.operations import (
    CACHED,
    KEYED,
    LOCATED,
    OWN_VERSIONED,
    QUOTA,
    TAGGED,
    VERSIONED,
    Declaration,
)
from larder.v1.order_shapes import Order, OrderDetails, details
from larder.v1.orders import PLACING, answer_placed
from larder.v1.shapes import Id, Money, Quantity, Request, open_enum

operation = partial(Declaration, tag="cart", key_permission="orders.add_order")

Total = Annotated[
    str,
    Meta(
        pattern=money.pattern(TOTAL_DIGITS),
        description="The total that the customer was shown. A cart with another total is refused.",
        examples=["12.50"],
    ),
]


class WantedLine(Request):
    """A product and the number of its units."""

    product: Id
    quantity: Quantity


class CartLines(Request):
    """All lines of the cart. Other products are removed from the cart."""

    lines: Annotated[list[WantedLine], Meta(max_length=MAX_LINES)]


class LineQuantity(Request):
    """The total number of units in the cart, not an addition."""

    quantity: Quantity


class Submission(OrderDetails, kw_only=True):
    """The details of an order, and the total that the customer was shown."""

    expected_total: Total | None = None


NOTICES = ("price_changed", "withdrawn", "insufficient_stock", "order_rule")


class Notice(msgspec.Struct):
    """A notice about a line, by `code`.

    `price_changed` (`from`, `to`): the price changed since the line was added. An order with the
    line would be refused: `withdrawn`, `insufficient_stock` (`available`), `order_rule`
    (`min_quantity`, `max_per_order`, `step`).
    """

    code: Annotated[str, open_enum("What the notice is about.", NOTICES)]
    from_: Money | UnsetType = msgspec.field(name="from", default=UNSET)
    to: Money | UnsetType = UNSET
    available: int | UnsetType = UNSET
    min_quantity: int | UnsetType = UNSET
    max_per_order: int | UnsetType | None = UNSET
    step: int | UnsetType = UNSET


class CartLine(msgspec.Struct):
    """A line at the current price; `available` is the number of units that can be ordered now."""

    product: Id
    sku: str
    name: str
    quantity: int
    unit_price: Money
    line_total: Money
    available: int
    notices: list[Notice]


class Cart(msgspec.Struct):
    """The customer's cart. Without one `id` is null and `version` 0."""

    id: UUID | None
    version: int
    lines: list[CartLine]
    currency: str
    total: Money


class Reordered(msgspec.Struct):
    """The cart, and the lines of the order that could not be placed now as they were: with the
    units of the order, and why in their `notices`."""

    cart: Cart
    changed: list[CartLine]


@operation(answers={200: Cart}, traits=[CACHED])
def get_cart(caller: Caller) -> Answer:
    """The current cart, at current prices."""
    return _answer(caller.id)


@operation(
    answers={200: Cart},
    problems=["unknown_product", "cart_full"],
    traits=[TAGGED, OWN_VERSIONED, QUOTA],
    example={"lines": [{"product": 1, "quantity": 1}]},
)
def put_cart(request: HttpRequest, caller: Caller, body: CartLines) -> Answer:
    """Replaces all lines of the cart."""
    cart.put_lines(
        caller.id,
        [RequestedLine(line.product, line.quantity) for line in body.lines],
        now=now(),
        expected=_expected(request),
    )
    return _answer(caller.id)


@operation(answers={204: None}, traits=[OWN_VERSIONED])
def delete_cart(request: HttpRequest, caller: Caller) -> None:
    """Deletes the cart. The next line begins a new cart."""
    cart.delete_cart(caller.id, expected=_expected(request))


@operation(
    answers={200: Cart},
    problems=["unknown_product", "cart_full"],
    traits=[TAGGED, OWN_VERSIONED, QUOTA],
    example={"quantity": 2},
)
def put_cart_line(request: HttpRequest, caller: Caller, product: int, body: LineQuantity) -> Answer:
    """Sets the number of units of a product in the cart."""
    cart.put_line(
        caller.id,
        RequestedLine(product, body.quantity),
        now=now(),
        expected=_expected(request),
    )
    return _answer(caller.id)


@operation(
    answers={200: Cart},
    problems=["not_in_cart"],
    traits=[TAGGED, OWN_VERSIONED],
)
def delete_cart_line(request: HttpRequest, caller: Caller, product: int) -> Answer:
    """Removes a product from the cart."""
    cart.remove_line(caller.id, product, now=now(), expected=_expected(request))
    return _answer(caller.id)


@operation(
    answers={200: Reordered},
    problems=["unknown_product", "cart_full", "not_found"],
    traits=[TAGGED, OWN_VERSIONED, QUOTA],
)
def reorder(request: HttpRequest, caller: Caller, order: UUID) -> Answer:
    """Puts the units of an own order in the cart, as far as they can be ordered now. More units
    that are in the cart stay, so a repeat changes nothing."""
    placed = orders.order(order, customer=caller.id)
    cart.reorder(placed, now=now(), expected=_expected(request))
    answer = _answer(caller.id)
    lines = [_shown_line(line) for line in carts.current_lines(caller.id, placed.lines)]
    changed = Reordered(answer.payload, [line for line in lines if line.notices])
    return answer._replace(payload=changed, version=answer.payload.version)


@operation(
    answers={201: Order},
    problems=["cart_empty"],
    traits=[PLACING, KEYED, LOCATED, TAGGED, VERSIONED, QUOTA],
    example={"note": "Ring twice."},
)
def submit_cart(request: HttpRequest, caller: Caller, body: Submission) -> Answer:
    """Places the cart as an order, completely or not at all. The order has the cart's id."""
    return answer_placed(place_order(_placement(request, caller, body), terms=terms(), now=now()))


def _placement(request: HttpRequest, caller: Caller, body: Submission) -> Placement:
    total = None if body.expected_total is None else Decimal(body.expected_total)
    return Placement(
        customer=caller.id,
        actor=caller.public_id,
        lines=(),
        cart=ExpectedCart(_expected(request), total),
        key=idempotency_key(request.META),
        operation=operation_of(request),
        **details(body),
    )


_NO_CART = UUID(int=0)
_ID_DIGITS = len(_NO_CART.hex)


def _expected(request: HttpRequest) -> CartVersion | None:
    """Returns the cart and the version in `If-Match`; None without the header or for `*`.

    The tag names the cart besides its version, because another cart may have the same version.
    Without a cart it names the cart that ended last, and version 0. Another value matches no cart.
    """
    named = tag_wanted(request)
    if named is None:
        return None
    digits = named.digits[:_ID_DIGITS]
    if len(digits) < _ID_DIGITS:
        return CartVersion(None, -1)
    id = UUID(digits)
    return CartVersion(None if id == _NO_CART else id, named.version)


def _answer(customer: int) -> Answer:
    cart = carts.cart(customer)
    if cart is None:
        shown = Cart(None, 0, [], settings.CURRENCY, money.text(Decimal(0)))
        of = carts.stored_cart(customer).ended or _NO_CART
    else:
        lines, of = [_shown_line(line) for line in cart.lines], cart.id
        # Current prices are in the current currency.
        shown = Cart(cart.id, cart.version, lines, settings.CURRENCY, money.text(cart.total))
    return Answer(shown, of=of.hex)


def _shown_line(line: carts.CartLine) -> CartLine:
    return shaped(
        line,
        CartLine,
        unit_price=money.text(line.current_price),
        line_total=money.text(line.line_total),
        notices=_notices(line),
    )


def _notices(line: carts.CartLine) -> list[Notice]:
    """Returns the notices of a line. A product that is no longer sold has no other notice."""
    if line.archived:
        return [Notice("withdrawn")]
    notices = []
    if line.current_price != line.unit_price:
        prices = money.text(line.unit_price), money.text(line.current_price)
        notices.append(Notice("price_changed", *prices))
    if line.available < line.quantity:
        notices.append(Notice("insufficient_stock", available=line.available))
    if line.broken_rule is not None:
        rules = ("min_quantity", "max_per_order", "step")
        notices.append(Notice("order_rule", **{name: line.broken_rule[name] for name in rules}))
    return notices
