"""Ends holds: the order is confirmed, or expired. Its held lines are deleted."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from larder.db import database
from larder.inventory.services import holds
from larder.orders import sql
from larder.orders.models import Order, OrderStatus


class HoldEnd(NamedTuple):
    """A locked order whose hold ends, the event about it, and the actor."""

    order: Order
    event: UUID
    actor: UUID


def end_holds(ends: Sequence[HoldEnd], status: str, event: str, *, now: datetime) -> None:
    """Writes the new status of locked orders whose stock is locked too, with their events, and
    deletes their held lines. The rows in `ends` are changed likewise.

    Raises RuntimeError if an order had another status.
    """
    holds.end([one.order.id for one in ends])
    was = [[one.order.id for one in ends], [one.order.status for one in ends]]
    events = [[one.event for one in ends], *was, [one.actor for one in ends]]
    found = database.rows(sql.SET_STATUS, [status, now, *was, event, status, now, *events])
    if len(found) != len(ends):
        raise RuntimeError("another transaction changed an order that was locked")
    for one in ends:
        one.order.status = OrderStatus(status)
        one.order.version += 1
        one.order.updated_at = now
