"""Reads events of orders from their feed, deliveries, endpoints and devices."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from larder.core.errors import NotFound
from larder.db import database, feed
from larder.db.feed import Feed, Mark
from larder.relay import channels, sql
from larder.relay.channels import Event
from larder.relay.event_types import TOLD_AS
from larder.relay.models import Delivery, Device, Endpoint, Watch

ORDER_EVENTS = Feed(
    "order_event",
    "fact",
    f"(SELECT transaction_id, position, {sql.FACT} AS fact FROM order_event) AS event"
    " WHERE {behind}",
)
"""Plan: the range of order_event_feed from the mark."""


class Fact(msgspec.Struct, array_like=True, frozen=True):
    """A row of `order_event`; `customer` is the order's. `payment` is what it says of one."""

    id: UUID
    order: UUID
    type: str
    at: datetime
    position: int
    is_first: bool
    payment: dict[str, Any] | None
    customer: int

    def event(self) -> Event:
        """Returns what is told of it."""
        data: dict[str, Any] = {"event": self.type}
        if self.payment is not None:
            data["payment"] = {name: self.payment[name] for name in _PAYMENT}
        told_as = TOLD_AS[self.type]
        return Event(self.id, told_as, str(self.order), self.at, self.customer, data)


_PAYMENT = ("provider", "kind", "transaction_id")


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events in an order in which those of each order happened, and the position after them.
    `ahead` are those of them, and of earlier pages, which the feed has behind that position."""

    events: list[Event]
    mark: Mark
    ahead: frozenset[UUID]
    more: bool


def order_events(after: Mark, ahead: Collection[UUID] = (), *, limit: int) -> EventPage:
    """Returns the next `limit` events of the feed, without those that were returned `ahead`.

    The feed goes by transactions, and an earlier transaction may have waited for the lock of an
    order that a later one changed. So events that happened before one of this page, and which the
    feed has behind it, are returned with it. Raises SinceExpired.
    """
    page = feed.read(ORDER_EVENTS, after, limit=limit)
    facts = _decoded(page.subjects)
    earlier = _earlier(facts, page.mark)
    read = {fact.id for fact in facts}
    facts = sorted((*facts, *earlier), key=lambda fact: fact.position)
    events = [fact.event() for fact in facts if fact.id not in ahead and fact.type in TOLD_AS]
    behind = frozenset(ahead) | {fact.id for fact in earlier}
    return EventPage(events, page.mark, behind - read, page.more)


def _earlier(facts: Sequence[Fact], mark: Mark) -> list[Fact]:
    last = {fact.order: fact.position for fact in facts if not fact.is_first}
    if not last:
        return []
    values = {
        "orders": [*last],
        "positions": [*last.values()],
        "transaction_id": str(mark.transaction_id),
        "number": mark.number,
    }
    return _decoded([fact for (fact,) in database.rows(sql.EARLIER, values)])


def _decoded(facts: Sequence[str]) -> list[Fact]:
    return msgspec.json.decode(f"[{','.join(facts)}]", type=list[Fact])


SHOWN = (
    *("id", "event", "type", "object", "at"),
    *("attempts", "next_at", "ended_at", "is_sent", "outcome"),
)


def deliveries(channel: str, target: str, *, before: int | None = None, limit: int) -> list[Any]:
    """Returns up to `limit` deliveries to a target, the newest first, with the fields SHOWN."""
    rows = Delivery.objects.filter(channel=channel, target=target).order_by("-id")
    if before is not None:
        rows = rows.filter(id__lt=before)
    return list(rows.values_list(*SHOWN, named=True)[:limit])


def devices(customer: int, *, after: UUID | None, limit: int) -> list[Any]:
    """Returns up to `limit` devices of a customer by id, which is the order of registration: `id`,
    `kind`, `registered_at`."""
    rows = Device.objects.filter(customer=customer).order_by("id")
    rows = rows if after is None else rows.filter(id__gt=after)
    return list(rows.values_list("id", "kind", "registered_at", named=True)[:limit])


def has_devices() -> bool:
    """Returns whether any customer has a device."""
    return Device.objects.exists()


def device(id: str) -> Any | None:
    """Returns a device to send to: `customer`, `kind`, `address`, `keys`; None if there is none."""
    rows = Device.objects.filter(id=id)
    return rows.values_list("customer", "kind", "address", "keys", named=True).first()


def watches(customer: int, *, after: int, limit: int) -> list[Any]:
    """Returns up to `limit` products that a customer watches, by id: `product`."""
    rows = Watch.objects.filter(customer=customer, product__gt=after).order_by("product")
    return list(rows.values_list("product", named=True)[:limit])


def latest(channel: str, target: str, *, limit: int) -> list[channels.Delivery]:
    """Returns the last deliveries to a target, the newest first, for the channel to prepare."""
    rows = Delivery.objects.filter(channel=channel, target=target).order_by("-id")
    columns = channels.Delivery.__slots__
    return [channels.Delivery(*row) for row in rows.values_list(*columns)[:limit]]


_OF_ENDPOINTS = (
    *("id", "url", "name", "events", "owner", "created_at"),
    *("failing_since", "disabled_at", "version"),
)


def endpoints(*, after: UUID | None = None, limit: int) -> list[Any]:
    """Returns up to `limit` endpoints by id, oldest first, without their secrets."""
    rows = Endpoint.objects.order_by("id")
    if after is not None:
        rows = rows.filter(id__gt=after)
    return list(rows.values_list(*_OF_ENDPOINTS, named=True)[:limit])


def endpoint(id: UUID) -> Any:
    """Returns an endpoint, without its secrets. Raises NotFound."""
    row = Endpoint.objects.filter(id=id).values_list(*_OF_ENDPOINTS, named=True).first()
    if row is None:
        raise NotFound
    return row


def targets() -> list[Any]:
    """Returns all endpoints as the channel needs them, with their encrypted secrets."""
    return list(Endpoint.objects.order_by("id").values_list(*_OF_ENDPOINTS, "secrets", named=True))
