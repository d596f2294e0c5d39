"""What happened to an order."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from larder.orders.models import OrderEvent


@dataclass(frozen=True, slots=True)
class EventView:
    """A change of an order: what, from which status to which, by whom (public id), when."""

    id: UUID
    type: str
    from_status: str
    to_status: str
    actor: UUID
    at: datetime
    data: dict[str, Any]
    position: int


_EVENT = ("id", "type", "from_status", "to_status", "actor", "at", "data", "position")


def events(order_id: UUID, *, after: int, limit: int) -> list[EventView]:
    """Up to `limit` events of an order behind a position, oldest first."""
    rows = OrderEvent.objects.filter(order_id=order_id, position__gt=after)
    return [EventView(*row) for row in rows.order_by("position").values_list(*_EVENT)[:limit]]


def told(order_id: UUID, type: str) -> dict[str, Any] | None:
    """What the last event of a type tells of an order; None if there was none."""
    rows = OrderEvent.objects.filter(order_id=order_id, type=type).order_by("-position")
    return rows.values_list("data", flat=True).first()


def orders_of(event_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Which order each event is of, by the event's id; those that do not exist are not in it."""
    if not event_ids:
        return {}
    rows = OrderEvent.objects.filter(id__in=event_ids)
    return dict(rows.values_list("id", "order_id"))
