"""The events of an order."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from larder.core.limits import PAGE_ROWS
from larder.core.parts import Part, first
from larder.orders.models import OrderEvent


@dataclass(frozen=True, slots=True)
class EventView:
    """A change of an order: its type and data, the status before and after, the actor's public id,
    the time."""

    id: UUID
    type: str
    from_status: str
    to_status: str
    actor: UUID
    at: datetime
    data: dict[str, Any]
    position: int


_EVENT = ("id", "type", "from_status", "to_status", "actor", "at", "data", "position")


def events(order_id: UUID, *, after: int, limit: int) -> Part[EventView]:
    """Returns up to `limit` events of an order after a position, oldest first: at most PAGE_ROWS,
    because each may list all lines of the order twice."""
    limit = min(limit, PAGE_ROWS)
    rows = OrderEvent.objects.filter(order_id=order_id, position__gt=after).order_by("position")
    return first([EventView(*row) for row in rows.values_list(*_EVENT)[: limit + 1]], limit)


def latest_events(order_id: UUID, *, limit: int) -> Part[EventView]:
    """Returns the last `limit` events of an order, oldest first. `more` says whether there are
    earlier ones."""
    rows = OrderEvent.objects.filter(order_id=order_id).order_by("-position")
    views = [EventView(*row) for row in rows.values_list(*_EVENT)[: limit + 1]]
    return Part(views[:limit][::-1], more=len(views) > limit)


def orders_of(event_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Returns the order of each event, by the event's id, without events that do not exist."""
    if not event_ids:
        return {}
    rows = OrderEvent.objects.filter(id__in=event_ids)
    return dict(rows.values_list("id", "order_id"))
