"""Orders: placing them, and the history."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from django.http import HttpResponse
from msgspec import UNSET, Meta
from rest_framework.request import Request

from larder.api import pagination
from larder.api.shop import terms
from larder.api.v1 import move_shapes, shapes
from larder.api.v1.bodies import read_body
from larder.api.v1.http import (
    CursorText,
    Endpoint,
    Limit,
    PageParameters,
    caller,
    idempotency_key,
    operation_of,
    read_parameters,
    reply_created,
    reply_tagged,
    version_wanted,
)
from larder.api.v1.operations import CACHED, KEYED, LOCATED, TAGGED, VERSIONED, operation
from larder.common import money
from larder.common.clock import now
from larder.common.errors import NotStaff
from larder.identity.caller import Caller
from larder.orders import queries
from larder.orders.decision import Wanted
from larder.orders.queries import EventView, HistoryPosition, OrderFilter, OrderView
from larder.orders.services.changes import change_order
from larder.orders.services.held_orders import Asked
from larder.orders.services.place_order import place_order
from larder.orders.services.placement import Placed, Placement

Status = Annotated[
    Literal["placed", "packed", "shipped", "delivered", "cancelled", "returned"],
    Meta(description="Where the orders stand now.", extra_json_schema={"type": "string"}),
]
Moment = Annotated[datetime, Meta(tz=True, description="RFC 3339, with its time zone.")]
StaffId = Annotated[shapes.Id, Meta(description="For staff: of anybody.")]


class FilterParameters(msgspec.Struct, kw_only=True):
    """Which orders of the history. With any of these staff look through everybody's."""

    status: Status | None = None
    placed_after: Moment | None = None
    placed_before: Moment | None = None
    customer: StaffId | None = None
    number: StaffId | None = None
    product: StaffId | None = None


class ListParameters(FilterParameters, kw_only=True):
    """The parameters of the history: those of every list, and which orders."""

    limit: Limit = pagination.DEFAULT_LIMIT
    cursor: CursorText = ""
    count: Annotated[bool, Meta(description="Tells how many there are in all.")] = False

    @property
    def rows(self) -> int:
        """How many rows the page has at most."""
        return min(self.limit, pagination.LARGEST_LIMIT)


class OrderPlace(pagination.Place, array_like=True, tag="orders"):
    """Where a page of the history ended."""

    placed_at: Moment
    id: UUID


class EventPlace(pagination.Place, array_like=True, tag="events"):
    """Where a page of events ended."""

    position: shapes.Id


class Orders(Endpoint):
    @operation(
        "list_orders",
        tag="orders",
        parameters=ListParameters,
        answers={200: shapes.OrderPage, 304: None},
        problems=["not_staff"],
        traits=[CACHED],
    )
    def get(self, request: Request) -> HttpResponse:
        """The customer's placed orders, newest first; staff with any filter see everybody's."""
        asked = read_parameters(request, ListParameters)
        wanted = order_filter(asked, caller(request))
        place = pagination.decode(asked.cursor, OrderPlace)
        after = HistoryPosition(place.placed_at, place.id) if place else None
        found = queries.history(wanted, after=after, limit=asked.rows + 1)
        results, link = pagination.page(request, found, asked.rows, _place)
        count = queries.count(wanted) if asked.count else UNSET
        return reply_tagged(request, shapes.OrderPage([shown(one) for one in results], link, count))

    @operation(
        "place_order",
        tag="orders",
        body=shapes.NewOrder,
        answers={201: shapes.Order},
        problems=[
            "unknown_product",
            "insufficient_stock",
            "price_changed",
            "order_rule",
            "ordering_not_allowed",
            "not_staff",
            "not_found",
        ],
        traits=[KEYED, LOCATED, TAGGED],
    )
    def post(self, request: Request) -> HttpResponse:
        """Places an order, wholly or not at all."""
        body = read_body(request, shapes.NewOrder)
        placed = place_order(_placement(request, body), terms=terms(), now=now())
        return answer_placed(request, placed)


class Order(Endpoint):
    @operation(
        "get_order",
        tag="orders",
        answers={200: shapes.Order, 304: None},
        problems=["not_found"],
        traits=[CACHED],
    )
    def get(self, request: Request, order: UUID) -> HttpResponse:
        """One order as it stands."""
        found = queries.order(order, customer=whose(caller(request)))
        return reply_tagged(request, shown(found), version=found.version)

    @operation(
        "change_order",
        tag="orders",
        body=move_shapes.OrderFields,
        answers={200: shapes.Order},
        problems=[
            "unknown_product",
            "insufficient_stock",
            "price_changed",
            "order_rule",
            "ordering_not_allowed",
            "invalid_transition",
            "stock_limit_exceeded",
            "not_found",
        ],
        traits=[VERSIONED, TAGGED],
    )
    def patch(self, request: Request, order: UUID) -> HttpResponse:
        """Changes lines and note of an order that is not packed yet, wholly or not at all."""
        body = read_body(request, move_shapes.OrderFields)
        who = caller(request)
        asked = Asked(order=order, who=who, now=now(), version=version_wanted(request))
        lines = None if body.lines is UNSET else [_wanted(line) for line in body.lines]
        note = None if body.note is UNSET else body.note
        change_order(asked, terms=terms(), lines=lines, note=note)
        found = queries.order(order, customer=whose(who))
        return reply_tagged(request, shown(found), version=found.version)


class OrderEvents(Endpoint):
    @operation(
        "list_order_events",
        tag="orders",
        parameters=PageParameters,
        answers={200: shapes.OrderEventPage, 304: None},
        problems=["not_found"],
        traits=[CACHED],
    )
    def get(self, request: Request, order: UUID) -> HttpResponse:
        """What happened to an order, oldest first."""
        asked = read_parameters(request, PageParameters)
        place = pagination.decode(asked.cursor, EventPlace)
        queries.order(order, customer=whose(caller(request)))
        found = queries.events(order, after=place.position if place else 0, limit=asked.rows + 1)
        events, link = pagination.page(request, found, asked.rows, _event_place)
        results = [_shown_event(one) for one in events]
        return reply_tagged(request, shapes.OrderEventPage(results, link))


def _place(order: OrderView) -> OrderPlace:
    return OrderPlace(order.placed_at, order.id)


def _event_place(event: EventView) -> EventPlace:
    return EventPlace(event.position)


def _shown_event(event: EventView) -> shapes.OrderEvent:
    return shapes.OrderEvent(
        type=event.type,
        from_=event.from_status,
        to=event.to_status,
        actor=event.actor,
        at=event.at,
        data=event.data,
    )


def whose(who: Caller) -> int | None:
    """Customers see their own orders; staff everybody's."""
    return None if who.is_staff else who.id


def order_filter(asked: FilterParameters, who: Caller) -> OrderFilter:
    """Customers look through their own orders; staff with any filter through everybody's, and
    without one through their own. Raises NotStaff for the filters that are staff's."""
    given = {name: getattr(asked, name) for name in FilterParameters.__struct_fields__}
    if not who.is_staff:
        if (asked.customer, asked.number, asked.product) != (None, None, None):
            raise NotStaff
        given["customer"] = who.id
    elif not any(value is not None for value in given.values()):
        given["customer"] = who.id
    return OrderFilter(**given)


def _placement(request: Request, body: shapes.NewOrder) -> Placement:
    who = caller(request)
    if body.customer is not None and not who.is_staff:
        raise NotStaff
    return Placement(
        customer=body.customer or who.id,
        actor=who.public_id,
        lines=[_wanted(line) for line in body.lines],
        note=body.note,
        reference=body.reference,
        ship_to=msgspec.to_builtins(body.ship_to),
        requested_for=body.requested_for,
        order_id=body.id,
        key=idempotency_key(request),
        operation=operation_of(request),
    )


def _wanted(line: shapes.NewLine) -> Wanted:
    expected = None if line.expected_price is None else Decimal(line.expected_price)
    return Wanted(line.product, line.quantity, expected)


def answer_placed(request: Request, placed: Placed) -> HttpResponse:
    """The 201 of an order, from a cart or at once."""
    order = placed.order
    return reply_created(
        request,
        shown(order),
        location=f"/api/v1/orders/{order.id}",
        version=order.version,
        replayed=placed.replayed,
    )


def shown(order: OrderView) -> shapes.Order:
    """An order as the API shows it."""
    return shapes.Order(
        id=order.id,
        number=order.number,
        status=order.status,
        currency=order.currency,
        total=money.text(order.total),
        note=order.note,
        reference=order.reference,
        ship_to=None if order.ship_to is None else shapes.Address(**order.ship_to),
        requested_for=order.requested_for,
        placed_at=order.placed_at,
        updated_at=order.updated_at,
        version=order.version,
        lines=[
            shapes.OrderLine(
                product=line.product,
                sku=line.sku,
                name=line.name,
                quantity=line.quantity,
                unit_price=money.text(line.unit_price),
                line_total=money.text(line.line_total),
                returned=line.returned,
            )
            for line in order.lines
        ],
    )
