"""The objects of the relay's events, in their present state, as the API shows them to staff."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from larder.core.errors import NotFound
from larder.inventory import queries as inventory
from larder.orders import queries
from larder.orders.queries import OrderView
from larder.relay.event_types import EVENT_TYPES
from larder.relay.queries import Delivery
from larder.v1 import order_shapes, products
from larder.v1.http import shaped
from larder.v1.order_shapes import Order
from larder.v1.payments import Payment, RefundDue
from larder.v1.products import Product
from larder.v1.shapes import Link, Time, open_enum

NOBODY = 0
"""A customer without own prices."""

Orders = Mapping[UUID, OrderView]


class PaymentOfOrder(Payment):
    """The record of a movement of money, with its order."""

    order: UUID


class TooLong(msgspec.Struct):
    """An object of 20 kB or more: read it at `url`."""

    id: Annotated[str, Meta(description="That of the object, as text.")]
    version: int | UnsetType
    url: Link


class Told(msgspec.Struct):
    """An event: its type and time, and the present state of its object."""

    type: Annotated[str, open_enum("The type. Ignore unknown ones.", EVENT_TYPES)]
    timestamp: Time
    data: Any


def _order(event: Delivery, orders: Orders) -> Order | None:
    order = orders.get(UUID(event.object))
    return None if order is None else order_shapes.shown(order)


def _payment(event: Delivery, orders: Orders) -> PaymentOfOrder | None:
    record = queries.payment_of(**event.data["payment"])
    return None if record is None else shaped(record, PaymentOfOrder, order=UUID(event.object))


def _refund(event: Delivery, orders: Orders) -> RefundDue | None:
    refund = queries.refund_due(UUID(event.object), event.data["currency"])
    return None if refund is None else shaped(refund, RefundDue)


def _product(event: Delivery, orders: Orders) -> Product | None:
    try:
        return products.for_staff(inventory.product(NOBODY, int(event.object), archived=True))
    except NotFound:
        return None


KINDS: Mapping[str, tuple[type[msgspec.Struct], str, Callable[..., Any]]] = {
    "order": (Order, "orders/{}", _order),
    "payment": (PaymentOfOrder, "orders/{}/payments", _payment),
    "refund": (RefundDue, "refunds-due", _refund),
    "product": (Product, "products/{}", _product),
}
"""For each kind of object its shape, where the API has it, and what reads it."""


def body(event: Delivery, orders: Orders, root: str) -> bytes | None:
    """Returns an event as JSON of less than MAX_BYTES; None if its object does not exist any more.
    `orders` has its order, and `root` is the address of the shop."""
    _, path, read = KINDS[EVENT_TYPES[event.type].kind]
    present = read(event, orders)
    if present is None:
        return None
    raw = msgspec.json.encode(Told(event.type, event.at, present))
    if len(raw) < MAX_BYTES:
        return raw
    version = getattr(present, "version", UNSET)
    url = f"{root}/api/v1/{path.format(event.object)}"
    return msgspec.json.encode(Told(event.type, event.at, TooLong(str(present.id), version, url)))


MAX_BYTES = 20_000
"""Bytes of an event from which on it names its object's address (Standard Webhooks 1.0)."""
