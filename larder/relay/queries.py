"""Reads events of orders from their feed, deliveries, endpoints and devices."""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

import msgspec

from larder.core.errors import NotFound
from larder.db import database
from larder.db.feed import Feed, Mark
from larder.orders.queries import OrderView, orders
from larder.relay import models, sql
from larder.relay.channels import Event
from larder.relay.event_types import EVENT_TYPES, TOLD_AS
from larder.relay.models import Device, Endpoint, Watch

Delivery = models.Delivery

ORDER_EVENTS = Feed("order_event", "order_id")


def order_events(orders: Collection[UUID], after: Mark, up_to: Mark) -> list[Event]:
    """Returns what happened to these orders between two positions of the feed, in the order in
    which it happened.

    The feed goes by transactions, and an earlier transaction may have waited for the lock of an
    order that a later one changed. So an order is told up to its latest event before a position:
    also what the feed has behind it.
    """
    values = {
        "orders": list(orders),
        "after": str(after.transaction_id),
        "after_number": after.number,
        "up_to": str(up_to.transaction_id),
        "up_to_number": up_to.number,
    }
    return [
        Event(id, TOLD_AS[type], str(order), at, customer, {"event": type, **_payment(payment)})
        for id, type, order, at, customer, payment in database.rows(sql.EVENTS_OF, values)
        if type in TOLD_AS
    ]


def _payment(json: str | None) -> dict[str, Any]:
    if json is None:
        return {}
    record = msgspec.json.decode(json)
    return {"payment": {name: record[name] for name in ("provider", "kind", "transaction_id")}}


def deliveries(
    channel: str, target: str, *, before: int | None = None, limit: int
) -> list[Delivery]:
    """Returns up to `limit` deliveries to a target, the newest first."""
    rows = Delivery.objects.filter(channel=channel, target=target).order_by("-id")
    if before is not None:
        rows = rows.filter(id__lt=before)
    return list(rows[:limit])


def orders_of(deliveries: Iterable[Delivery]) -> dict[UUID, OrderView]:
    """Returns the placed orders that these deliveries are about, by id."""
    types = (name for name, type in EVENT_TYPES.items() if type.kind != "product")
    about_orders = frozenset(types)
    ids = {UUID(delivery.object) for delivery in deliveries if delivery.type in about_orders}
    return orders(ids) if ids else {}


def devices(customer: int) -> list[Device]:
    """Returns the devices of a customer by id, which is the order of registration."""
    return list(Device.objects.filter(customer=customer).order_by("id"))


def device(id: str) -> Device | None:
    """Returns a device to send to; None if there is none."""
    return Device.objects.filter(id=id).first()


def watches(customer: int) -> list[int]:
    """Returns the products that a customer watches, by id."""
    rows = Watch.objects.filter(customer=customer).order_by("product")
    return list(rows.values_list("product", flat=True))


def endpoints(*, after: UUID | None = None, limit: int) -> list[Endpoint]:
    """Returns up to `limit` endpoints by id, oldest first."""
    rows = Endpoint.objects.order_by("id")
    if after is not None:
        rows = rows.filter(id__gt=after)
    return list(rows[:limit])


def endpoint(id: UUID) -> Endpoint:
    """Returns an endpoint. Raises NotFound."""
    row = Endpoint.objects.filter(id=id).first()
    if row is None:
        raise NotFound
    return row
