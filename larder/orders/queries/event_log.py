"""The events of an order: `id`, `type`, `from_status`, `to_status`, the public id `actor`, `at`,
`data` and `position`."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from larder.core.limits import PAGE_ROWS
from larder.core.parts import Part, first
from larder.orders.models import OrderEvent

_EVENT = ("id", "type", "from_status", "to_status", "actor", "at", "data", "position")


def events(order_id: UUID, *, after: int, limit: int) -> Part[Any]:
    """Returns up to `limit` events of an order after a position, oldest first: at most PAGE_ROWS,
    because each may list all lines of the order twice."""
    limit = min(limit, PAGE_ROWS)
    rows = OrderEvent.objects.filter(order_id=order_id, position__gt=after).order_by("position")
    return first(list(rows.values_list(*_EVENT, named=True)[: limit + 1]), limit)


def latest_events(order_id: UUID, *, limit: int) -> Part[Any]:
    """Returns the last `limit` events of an order, the newest first."""
    rows = OrderEvent.objects.filter(order_id=order_id).order_by("-position")
    return first(list(rows.values_list(*_EVENT, named=True)[: limit + 1]), limit)


def orders_of(event_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Returns the order of each event, by the event's id, without events that do not exist."""
    if not event_ids:
        return {}
    rows = OrderEvent.objects.filter(id__in=event_ids)
    return dict(rows.values_list("id", "order_id"))
