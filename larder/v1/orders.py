"""Orders: placing them, abandoning them, and the history."""

from datetime import date
from functools import partial
from typing import Annotated, cast
from uuid import UUID

import msgspec
from django.http import HttpRequest
from msgspec import UNSET, Meta, UnsetType

from larder.core.clock import now
from larder.core.errors import Fault, InvalidInput, NotFound
from larder.core.limits import MAX_IDEMPOTENCY_KEY_LENGTH, MAX_LINES
from larder.core.structs import with_fields
from larder.http import pagination
from larder.http.api_headers import idempotency_key, operation_of
from larder.http.shop import terms
from larder.identity import queries as identity
from larder.identity.caller import Caller
from larder.orders import errors, queries
from larder.orders.errors import UnknownCustomer
from larder.orders.queries import HistoryPosition
from larder.orders.services import abandon, batches, changes
from larder.orders.services.changes import Details
from larder.orders.services.placing.placement import Placed
from larder.orders.services.transitions import TransitionRequest
from larder.v1.http import Answer, Listed, PageParameters
from larder.v1.operations import (
    CACHED,
    ECHOED,
    KEYED,
    LOCATED,
    QUOTA,
    TAGGED,
    VERSIONED,
    Declaration,
    Trait,
)
from larder.v1.order_shapes import (
    FILTERS,
    Moment,
    NewLine,
    NewOrder,
    Order,
    order_filter,
    placement,
    requested_line,
    shown,
)
from larder.v1.shapes import Address, Link, Request, Short, Text

operation = partial(Declaration, tag="orders")

ORDERING = Trait(codes=(*(kind.code for kind in errors.ORDERING), "ordering_not_allowed"))
PLACING = Trait(codes=(*ORDERING.codes, "order_abandoned"))


class OrderPage(msgspec.Struct):
    """A page of orders, newest first. It has at most 5,000 lines, so it may be shorter than
    `limit`. `count` only if it was requested."""

    results: list[Order]
    next: Link | None
    count: int | UnsetType = UNSET


class OrderFields(Request):
    """The fields of a placed order that can be changed. Only given fields are changed. `lines`
    replaces all lines: other products are removed. To remove the last line, cancel the order."""

    lines: Annotated[list[NewLine], Meta(min_length=1, max_length=MAX_LINES)] | UnsetType = UNSET
    note: Text | UnsetType = UNSET
    reference: Short | UnsetType = UNSET
    ship_to: Address | UnsetType | None = UNSET
    requested_for: date | UnsetType | None = UNSET


@with_fields(FILTERS, behind="count", kw_only=True)
class ListParameters(PageParameters, kw_only=True):
    """The parameters of the history: those of all lists, and the filters."""

    count: Annotated[bool, Meta(description="Also returns the total number.")] = False


class OrderCursor(pagination.Cursor, array_like=True, tag="orders"):
    """The last row of a page of the history."""

    placed_at: Moment
    id: UUID


@operation(
    for_others="orders.view_order",
    answers={200: OrderPage},
    problems=["not_staff"],
    traits=[CACHED, ECHOED],
)
def list_orders(caller: Caller, query: ListParameters, cursor: OrderCursor | None) -> Listed:
    """A page of the caller's placed orders, newest first. With a filter, staff see the orders of
    all customers."""
    filters = order_filter(query, caller)
    after = HistoryPosition(cursor.placed_at, cursor.id) if cursor else None
    part = queries.history(filters, after=after, limit=query.rows)
    count = queries.count(filters) if query.count else UNSET
    return Listed(part, shown, {"count": count})


@operation(
    for_others="orders.add_order",
    answers={201: Order},
    problems=["not_staff", "not_found"],
    traits=[PLACING, KEYED, LOCATED, TAGGED, QUOTA],
    example={"lines": [{"product": 1, "quantity": 2}], "note": "Leave it with the porter."},
)
def place_order(request: HttpRequest, caller: Caller, body: NewOrder) -> Answer:
    """Places an order, completely or not at all. Without an `Idempotency-Key` or an `id`, each
    request is another order. If it requires a payment, its units are held until it is confirmed or
    expires."""
    requested = placement(body, caller, idempotency_key(request.META), operation_of(request))
    try:
        return answer_placed(batches.place_order(requested, terms=terms(), now=now()))
    except NotFound as error:
        raise _not_found(body, error) from None


@operation(
    for_others="orders.view_order",
    answers={200: Order},
    traits=[CACHED, ECHOED],
)
def get_order(caller: Caller, order: UUID) -> Order:
    """The current state of an order."""
    return shown(queries.visible_order(order, caller))


@operation(
    for_others="orders.change_order",
    answers={200: Order},
    problems=[
        "currency_changed",
        "payment_required",
        "invalid_transition",
        "stock_limit_exceeded",
    ],
    traits=[ORDERING, VERSIONED, TAGGED, QUOTA],
    example={"lines": [{"product": 1, "quantity": 3}], "note": "Ring twice."},
)
def change_order(caller: Caller, order: UUID, body: OrderFields, version: int | None) -> Order:
    """Changes the lines or the details of an order that is not packed yet, completely or not at
    all."""
    transition = TransitionRequest(order=order, caller=caller, now=now(), version=version)
    lines = None if body.lines is UNSET else [requested_line(line) for line in body.lines]
    moved = changes.change_order(transition, terms=terms(), lines=lines, details=_details(body))
    return shown(moved.order or queries.visible_order(order, caller, "orders.change_order"))


def _not_found(body: NewOrder, error: NotFound) -> NotFound:
    """Returns the refusal that names what does not exist: the customer, or the order."""
    if body.customer is None or body.customer in identity.submit_standing([body.customer])():
        return error
    return UnknownCustomer()


def _details(body: OrderFields) -> Details:
    """Returns the given details. An address gets all its fields, as when an order is placed."""
    values = {name: getattr(body, name) for name in Details.__optional_keys__}
    values = {name: value for name, value in values.items() if value is not UNSET}
    if values.get("ship_to") is not None:
        values["ship_to"] = msgspec.to_builtins(values["ship_to"])
    return cast(Details, values)


def answer_placed(placed: Placed) -> Answer:
    """Returns the answer to an order or a submitted cart."""
    location = f"/api/v1/orders/{placed.order.id}"
    return Answer(shown(placed.order), placed.replayed, location=location)


Key = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_IDEMPOTENCY_KEY_LENGTH,
        pattern=r"^[!-+\-.-~]+\Z",
        description="The `Idempotency-Key` of the caller's `POST orders` or `POST cart/submit`.",
        extra={
            "form": f"Expected 1 to {MAX_IDEMPOTENCY_KEY_LENGTH} visible ASCII characters"
            " without a comma."
        },
    ),
]
OrderId = Annotated[
    UUID, Meta(description="The id that the order was sent with, or that of the open cart.")
]
Outcome = Annotated[
    str,
    Meta(
        description="`placed`: it was placed. `abandoned`: it cannot be placed any more.",
        examples=["abandoned", "placed"],
    ),
]


class Abandonment(Request):
    """The order to abandon: either its `id` or its `idempotency_key`."""

    id: OrderId | UnsetType = UNSET
    idempotency_key: Key | UnsetType = UNSET


class Abandoned(msgspec.Struct):
    """The final result. `placed`: the order was placed, and `order` has its current state.
    `abandoned`: it was not placed, and cannot be placed any more."""

    outcome: Outcome
    order: Order | UnsetType = UNSET


@operation(
    for_others="orders.view_order",
    key_permission="orders.add_order",
    answers={200: Abandoned},
    problems=["not_found"],
    traits=[QUOTA],
    example={"idempotency_key": "0f5b2c9e-5d0e-4a55-9c54-2f7f4b0f7a31"},
)
def abandon_order(caller: Caller, body: Abandonment) -> Abandoned:
    """Returns whether an order was placed; if not, prevents that it is placed later."""
    if (body.id is UNSET) == (body.idempotency_key is UNSET):
        raise InvalidInput([Fault("", "one_of", "Give either id or idempotency_key.")])
    if isinstance(body.id, UUID):
        order = abandon.abandon_id(body.id, who=caller, now=now())
    else:
        order = abandon.abandon_key(str(body.idempotency_key), who=caller, now=now())
    return Abandoned("abandoned") if order is None else Abandoned("placed", shown(order))
