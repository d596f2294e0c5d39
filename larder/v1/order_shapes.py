"""An order as the API takes it and shows it, and the filters of lists and exports of orders."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from larder.core import money
from larder.core.limits import MAX_HOLD_SECONDS, MAX_LINES, MAX_SHORT_TEXT_LENGTH
from larder.core.money import Amount, from_minor
from larder.http.shop import hold
from larder.identity.caller import Caller
from larder.identity.services import audit
from larder.orders import payment_state
from larder.orders.decision import RequestedLine
from larder.orders.lifecycle import HELD, STATUSES
from larder.orders.queries import OrderFilter, OrderView
from larder.orders.services.placing.placement import Placement
from larder.v1.shapes import (
    Address,
    Id,
    Money,
    Number,
    Price,
    Quantity,
    Request,
    Short,
    Status,
    Text,
    Time,
    open_enum,
)


class OrderLine(msgspec.Struct):
    """A line of a placed order, at the price at which it was placed. `quantity` can be less than
    `ordered`, if fewer units were picked. `tax_rate` is that of the product when the line was
    placed, and stays."""

    product: Id
    sku: str
    name: str
    ordered: int
    quantity: int
    unit_price: Money
    line_total: Money
    returned: int
    tax_rate: str | None
    net_total: Money | None


class OrderPayment(msgspec.Struct):
    """Whether the order has to be paid before it is placed, and what was paid in one word."""

    required: bool
    state: Annotated[
        str, open_enum("What was paid.", [state.value for state in payment_state.State])
    ]


class Order(msgspec.Struct):
    """The current state of an order. `customer` is the `id` of its account. `expires_at` is the end
    of its hold if it is `pending` or `expired`, otherwise null. `amount_due` is what the customer
    has yet to pay, rounded to the minor unit of the currency, or to ten of them if it has three
    decimals. `carrier` and `tracking_number` are null until it is shipped with them. `net_total`
    is the sum of those of the lines, and adds up with `tax_total` to the total as it is paid, with
    the rounding of `amount_due`. Both are null if a line has no tax rate."""

    id: UUID
    number: Number
    customer: Id
    status: Status
    currency: str
    total: Money
    note: str
    reference: str
    ship_to: Address | None
    requested_for: date | None
    placed_at: Time
    expires_at: Time | None
    updated_at: Time
    version: int
    lines: list[OrderLine]
    amount_due: Money
    payment: OrderPayment
    carrier: str | None
    tracking_number: str | None
    net_total: Money | None
    tax_total: Money | None


def shown(order: OrderView) -> Order:
    """Returns an order as the API shows it."""
    payable = order.payable
    due = payment_state.amount_due(order.sums, payable)
    amounts = order.amounts
    net, tax = _net_and_tax(amounts)
    return Order(
        id=order.id,
        number=order.number,
        customer=order.customer,
        status=order.status,
        currency=order.currency,
        total=money.text(order.total),
        note=order.note,
        reference=order.reference,
        ship_to=None if order.ship_to is None else Address(**order.ship_to),
        requested_for=order.requested_for,
        placed_at=order.placed_at,
        expires_at=order.expires_at if order.status in HELD else None,
        updated_at=order.updated_at,
        version=order.version,
        lines=[
            OrderLine(
                product=line.product,
                sku=line.sku,
                name=line.name,
                ordered=line.quantity if line.ordered is None else line.ordered,
                quantity=line.quantity,
                unit_price=money.text(line.unit_price),
                line_total=money.text(line.line_total),
                returned=line.returned,
                tax_rate=money.text_or_none(line.tax_rate),
                net_total=_text(amount.net, order.currency),
            )
            for line, amount in zip(order.lines, amounts, strict=True)
        ],
        amount_due=money.text(from_minor(due, order.currency)),
        payment=OrderPayment(
            required=order.expires_at is not None, state=payment_state.state(order.sums, payable)
        ),
        carrier=order.carrier or None,
        tracking_number=order.tracking_number or None,
        net_total=_text(net, order.currency),
        tax_total=_text(tax, order.currency),
    )


def _net_and_tax(amounts: Sequence[Amount]) -> tuple[int | None, int | None]:
    """Returns the sums of an order; None if a line has no tax rate."""
    nets = [amount.net for amount in amounts if amount.net is not None]
    if len(nets) < len(amounts):
        return None, None
    return sum(nets), sum(amount.gross for amount in amounts) - sum(nets)


def _text(units: int | None, currency: str) -> str | None:
    return None if units is None else money.text(from_minor(units, currency))


class NewLine(Request):
    """A line to order. With `expected_price`, an order at another price is refused."""

    product: Id
    quantity: Quantity
    expected_price: Price | None = None


class PaymentWanted(Request):
    """Whether the order awaits its payment. With `required` it is `pending`, and holds its units
    for `hold_seconds`; without them for the shop's default."""

    required: bool
    hold_seconds: Annotated[int, Meta(ge=1, le=MAX_HOLD_SECONDS)] | None = None


class OrderDetails(Request, kw_only=True):
    """What an order has beside its lines."""

    note: Text = ""
    reference: Short = ""
    ship_to: Address | None = None
    requested_for: date | None = None
    payment: PaymentWanted | None = None


class NewOrder(OrderDetails, kw_only=True):
    """An order to place. With `id`, which the client chooses, the request can be repeated safely.
    `customer`, for staff only, is the `id` of the account whose order it is."""

    lines: Annotated[list[NewLine], Meta(min_length=1, max_length=MAX_LINES)]
    id: UUID | None = None
    customer: Id | None = None


def placement(body: NewOrder, who: Caller, key: str | None, operation: str) -> Placement:
    """Returns the request to place the order in the body. Raises NotStaff, PermissionMissing."""
    if body.customer is not None:
        who.require("orders.add_order")
    return Placement(
        customer=body.customer or who.id,
        actor=who.public_id,
        lines=[requested_line(line) for line in body.lines],
        order_id=body.id,
        key=key,
        operation=operation,
        acting=None if body.customer is None else audit.StaffActing(who.public_id, "v1", who),
        **details(body),
    )


def details(body: OrderDetails) -> dict[str, Any]:
    """Returns the details of a new order, and its hold if a payment is required. Raises
    InvalidInput."""
    payment = body.payment
    return {
        "note": body.note,
        "reference": body.reference,
        "ship_to": msgspec.to_builtins(body.ship_to),
        "requested_for": body.requested_for,
        "hold": hold(payment.hold_seconds) if payment and payment.required else None,
    }


def requested_line(line: NewLine) -> RequestedLine:
    """Returns the line as orders have it."""
    expected = None if line.expected_price is None else Decimal(line.expected_price)
    return RequestedLine(line.product, line.quantity, expected)


_ONE_OF_THEM = f"({'|'.join(STATUSES)})"
Statuses = Annotated[
    str,
    Meta(
        description="The current status of the orders: one, or several with commas between them.",
        examples=["placed", "placed,packed"],
        pattern=rf"^{_ONE_OF_THEM}(,{_ONE_OF_THEM})*\Z",
        extra={
            "fault": "unknown_value",
            "form": f"Expected a comma-separated list of: {', '.join(STATUSES)}.",
        },
    ),
]
Reference = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_SHORT_TEXT_LENGTH,
        description="Orders with exactly this `reference`; case matters.",
    ),
]
Moment = Annotated[datetime, Meta(tz=True, description="RFC 3339, with a time zone.")]
StaffId = Annotated[Id, Meta(description="Only for staff: searches the orders of all customers.")]


class FilterParameters(msgspec.Struct, kw_only=True):
    """Filters of the history. With a filter, staff search the orders of all customers."""

    status: Statuses | None = None
    placed_after: Moment | None = None
    placed_before: Moment | None = None
    reference: Reference | None = None
    customer: StaffId | None = None
    number: StaffId | None = None
    product: StaffId | None = None


FILTERS = [(field.name, field.type, None) for field in msgspec.structs.fields(FilterParameters)]
"""The same fields, for the parameters of a list."""


def order_filter(query: msgspec.Struct, who: Caller) -> OrderFilter:
    """Returns the filter of the orders, by the FILTERS in the query: the caller's own; for staff
    who send a filter, those of all customers. Raises NotStaff, PermissionMissing and
    SecondFactorRequired for the filters of staff.
    """
    filters = {name: getattr(query, name) for name in FilterParameters.__struct_fields__}
    requested = filters.pop("status")
    filters["statuses"] = tuple(dict.fromkeys(requested.split(","))) if requested else ()
    if not who.may("orders.view_order"):
        if any(filters[name] is not None for name in ("customer", "number", "product")):
            who.require("orders.view_order")
        filters["customer"] = who.id
    elif not any(filters.values()):
        filters["customer"] = who.id
    return OrderFilter(**filters)
