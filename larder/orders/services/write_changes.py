"""Writes changes of locked orders: status, total, version and event, and the refund that is due.

Every change of a placed order is written here: a move, a change of its lines, a confirmation, an
expiry, a payment.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from django.db.backends.postgresql.psycopg_any import Jsonb

from larder.core.ids import new_id
from larder.db import database
from larder.orders.models import Order, OrderStatus
from larder.orders.payment_state import payable, refund_due
from larder.orders.services.locks import LockBroken
from larder.orders.services.refunds import balances_of, set_refund_due
from larder.orders.sql import writes


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChange:
    """A change of a locked order, and the event about it.

    `order` is the row under the lock. `total` and `units` are the exact sums of the lines, and
    `kept` is the total without returned units; without them, both stay, and nothing was returned.
    `details` are new values of other columns.
    """

    order: Order
    type: str
    status: str
    actor: UUID
    event: UUID = field(default_factory=new_id)
    data: Mapping[str, Any] = field(default_factory=dict)
    total: Decimal | None = None
    units: int | None = None
    kept: Decimal | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def new_total(self) -> Decimal:
        """The total after the change."""
        return self.order.total if self.total is None else self.total

    @property
    def new_units(self) -> int:
        """The units after the change."""
        return self.order.units if self.units is None else self.units


def write_changes(changes: Sequence[OrderChange], *, now: datetime) -> None:
    """Writes changes of different orders, if status and version are still the locked ones
    (compare-and-swap). The rows in `changes` are changed likewise.

    Raises LockBroken if an order has another status or version.
    """
    submit_changes(changes, now=now)()


def submit_changes(changes: Sequence[OrderChange], *, now: datetime) -> Callable[[], None]:
    """Submits the statements of `write_changes`, and returns a function that reads their result."""
    rows = msgspec.json.encode([_row(change) for change in changes]).decode()
    changing = database.submit(writes.CHANGE_ORDERS, [now, rows])

    def check() -> None:
        if len(changing()) != len(changes):
            raise LockBroken(*(change.order.id for change in changes))
        for change in changes:
            _settle(change, now)

    for change in changes:
        _change_row(change, now)
    return check


def _row(change: OrderChange) -> dict[str, Any]:
    order = change.order
    return {
        "id": order.id,
        "was_status": order.status,
        "was_version": order.version,
        "status": change.status,
        "total": change.new_total,
        "units": change.new_units,
        "event": change.event,
        "type": change.type,
        "actor": change.actor,
        "data": change.data,
    }


def _change_row(change: OrderChange, now: datetime) -> None:
    row = change.order
    for name, value in change.details.items():
        setattr(row, name, value)
    if change.details:
        ship_to = None if row.ship_to is None else Jsonb(row.ship_to)
        details = [row.note, row.reference, ship_to, row.requested_for]
        parcel = [row.carrier, row.tracking_number]
        sums = [row.authorised, row.captured, row.refunded, row.disputed]
        database.execute(writes.SET_DETAILS, [*details, *parcel, *sums, row.id])
    row.status, row.total = OrderStatus(change.status), change.new_total
    row.units = change.new_units
    row.version, row.updated_at = row.version + 1, now


def _settle(change: OrderChange, now: datetime) -> None:
    """Writes what is due of an order that was paid."""
    row, sums = change.order, balances_of(change.order)
    if sums is not None:
        kept = row.total if change.kept is None else change.kept
        due = refund_due(sums, payable(row.status, kept, row.currency))
        set_refund_due(row.id, row.currency, due, now=now)
