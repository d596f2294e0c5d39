"""The events of an order."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from larder.core.parts import Part
from larder.db import database
from larder.orders.models import OrderEvent
from larder.orders.sql import reads


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
    """Returns up to `limit` events of an order after a position, oldest first. The part ends before
    the event with which their lists would have more than `MAX_PAGE_LINES` entries, but has at least
    one event if there is one."""
    rows = database.rows(reads.EVENTS, [order_id, after, limit + 1, limit])
    views = [
        EventView(*[*before, json.loads(data), position]) for *before, data, position, _ in rows
    ]
    return Part(views, more=bool(rows) and rows[0][-1] > len(rows))


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
