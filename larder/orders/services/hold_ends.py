"""Ends holds: the order is confirmed, or expired. Its held lines are deleted."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from larder.db import database
from larder.inventory.services import holds
from larder.orders import sql
from larder.orders.models import Order, OrderStatus
from larder.orders.payment_state import payable, refund_due
from larder.orders.services.locks import LockBroken
from larder.orders.services.refunds import balances_of, set_refund_due


class HoldEnd(NamedTuple):
    """A locked order whose hold ends, the event about it, and the actor."""

    order: Order
    event: UUID
    actor: UUID


def end_holds(ends: Sequence[HoldEnd], status: str, event: str, *, now: datetime) -> None:
    """Writes the new status of locked orders, with their events, and deletes their held lines. The
    stock of those that are not released is locked too. The rows in `ends` are changed likewise.

    Raises LockBroken if an order had another status.
    """
    holds.end([one.order.id for one in ends])
    was = [[one.order.id for one in ends], [one.order.status for one in ends]]
    events = [[one.event for one in ends], *was, [one.actor for one in ends]]
    found = database.rows(sql.SET_STATUS, [status, now, *was, event, status, now, *events])
    if len(found) != len(ends):
        raise LockBroken(*(one.order.id for one in ends))
    for one in ends:
        one.order.status = OrderStatus(status)
        one.order.version += 1
        one.order.updated_at = now
        _settle(one.order, now)


def _settle(order: Order, now: datetime) -> None:
    """Writes what is due of an order that was paid. Units are returned only of orders that were
    shipped, so it costs its total."""
    sums = balances_of(order)
    if sums is not None:
        owed = payable(order.status, order.total, order.currency)
        set_refund_due(order.id, order.currency, refund_due(sums, owed), now=now)
