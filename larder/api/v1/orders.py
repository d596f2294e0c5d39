"""Orders: placing them, and the history."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import msgspec
from django.conf import settings
from django.http import HttpResponse
from msgspec import UNSET, Meta
from rest_framework.request import Request

from larder.api import pagination
from larder.api.v1 import shapes
from larder.api.v1.http import (
    Endpoint,
    caller,
    idempotency_key,
    operation as operation_of,
    read_body,
    read_parameters,
    replay_headers,
    reply_tagged,
)
from larder.api.v1.schema import operation
from larder.common import money
from larder.common.clock import now
from larder.common.errors import NotStaff
from larder.identity.caller import Caller
from larder.orders import queries
from larder.orders.decision import Wanted
from larder.orders.queries import HistoryPosition, OrderFilter, OrderView
from larder.orders.services.place_order import place_order
from larder.orders.services.placement import Placement, Terms

_STATUS = "^(placed|packed|shipped|delivered|cancelled|returned)$"


class ListParameters(msgspec.Struct):
    """The parameters of the history. `customer`, `number` and `product` are for staff."""

    status: Annotated[str, Meta(pattern=_STATUS)] | None = None
    placed_after: datetime | None = None
    placed_before: datetime | None = None
    customer: shapes.Id | None = None
    number: shapes.Id | None = None
    product: shapes.Id | None = None
    limit: Annotated[int, Meta(ge=1)] = pagination.DEFAULT_LIMIT
    cursor: str | None = None
    count: bool = False


class Orders(Endpoint):
    @operation(
        "list_orders",
        tag="orders",
        parameters=ListParameters,
        answers={200: shapes.OrderPage, 304: None},
        problems=["not_staff"],
    )
    def get(self, request: Request) -> HttpResponse:
        """The customer's placed orders, newest first; staff may look for anybody's."""
        asked = read_parameters(request, ListParameters)
        wanted, limit = (
            _filter(asked, caller(request)),
            min(asked.limit, pagination.LARGEST_LIMIT),
        )
        cursor = pagination.decode(asked.cursor, tuple[datetime, UUID])
        after = HistoryPosition(*cursor) if cursor else None
        found = queries.history(wanted, after=after, limit=limit + 1)
        results, link = pagination.page(request, found, limit, lambda one: (one.placed_at, one.id))
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
        keyed=True,
    )
    def post(self, request: Request) -> HttpResponse:
        """Places an order, wholly or not at all."""
        body = read_body(request, shapes.NewOrder)
        placed = place_order(_placement(request, body), terms=_terms(), now=now())
        headers = {"Location": f"/api/v1/orders/{placed.order.id}"}
        headers |= replay_headers(placed.replayed)
        order = placed.order
        return reply_tagged(
            request, shown(order), version=order.version, status=201, headers=headers
        )


class Order(Endpoint):
    @operation(
        "get_order",
        tag="orders",
        answers={200: shapes.Order, 304: None},
        problems=["not_found"],
    )
    def get(self, request: Request, order: UUID) -> HttpResponse:
        """One order as it stands."""
        found = queries.order(order, customer=_whose(caller(request)))
        return reply_tagged(request, shown(found), version=found.version)


class EventParameters(msgspec.Struct):
    """The parameters of an order's events."""

    limit: Annotated[int, Meta(ge=1)] = pagination.DEFAULT_LIMIT
    cursor: str | None = None


class OrderEvents(Endpoint):
    @operation(
        "list_order_events",
        tag="orders",
        parameters=EventParameters,
        answers={200: shapes.OrderEventPage, 304: None},
        problems=["not_found"],
    )
    def get(self, request: Request, order: UUID) -> HttpResponse:
        """What happened to an order, oldest first."""
        queries.order(order, customer=_whose(caller(request)))
        asked = read_parameters(request, EventParameters)
        limit = min(asked.limit, pagination.LARGEST_LIMIT)
        after = pagination.decode(asked.cursor, list[int]) or [0]
        found = queries.events(order, after=after[0], limit=limit + 1)
        events, link = pagination.page(request, found, limit, lambda one: [one.position])
        results = [
            shapes.OrderEvent(
                type=one.type,
                from_=one.from_status,
                to=one.to_status,
                actor=one.actor,
                at=one.at,
                data=one.data,
            )
            for one in events
        ]
        return reply_tagged(request, shapes.OrderEventPage(results, link))


def _whose(who: Caller) -> int | None:
    """Customers see their own orders; staff everybody's."""
    return None if who.is_staff else who.id


def _filter(asked: ListParameters, who: Caller) -> OrderFilter:
    """Without a filter for staff, staff too see their own history."""
    searching = (asked.customer, asked.number, asked.product) != (None, None, None)
    if searching and not who.is_staff:
        raise NotStaff
    return OrderFilter(
        customer=asked.customer if searching else who.id,
        status=asked.status,
        placed_after=asked.placed_after,
        placed_before=asked.placed_before,
        number=asked.number,
        product=asked.product,
    )


def _terms() -> Terms:
    return Terms(currency=settings.CURRENCY, minimum_total=Decimal(settings.MIN_ORDER_TOTAL))


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
        ship_to=order.ship_to,
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
