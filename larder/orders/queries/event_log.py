"""What happened to an order."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from larder.orders.models import OrderEvent


@dataclass(frozen=True, slots=True)
class EventView:
    """A change of an order: what, from which status to which, by whom (public id), when."""

    type: str
    from_status: str
    to_status: str
    actor: UUID
    at: datetime
    data: dict[str, Any]
    position: int


_EVENT = ("type", "from_status", "to_status", "actor", "at", "data", "position")


def events(order_id: UUID, *, after: int, limit: int) -> list[EventView]:
    """Up to `limit` events of an order behind a position, oldest first."""
    rows = OrderEvent.objects.filter(order_id=order_id, position__gt=after)
    return [EventView(*row) for row in rows.order_by("position").values_list(*_EVENT)[:limit]]
