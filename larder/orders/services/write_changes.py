"""Writes changes of locked orders: status, total, version and event, and the refund that is due.

Every change of a placed order is written here: a move, a change of its lines, a confirmation, an
expiry, a payment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from django.db.backends.postgresql.psycopg_any import Jsonb

from larder.core.ids import new_id
from larder.db import database
from larder.orders.models import PAYMENT_SUMS, Order, OrderStatus, RefundDue
from larder.orders.payment_state import payable, refund_due
from larder.orders.services.locks import LockBroken
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


def write_changes(changes: Sequence[OrderChange], *, now: datetime) -> None:
    """Writes changes of different orders, if status and version are still the locked ones
    (compare-and-swap). The rows in `changes` are changed likewise.

    Raises LockBroken if an order has another status or version.
    """
    rows = msgspec.json.encode([_values(change) for change in changes]).decode()
    changing = database.submit(writes.CHANGE_ORDERS, [now, rows])
    for change in changes:
        _change_row(change, now)
    if len(changing()) != len(changes):
        raise LockBroken(*(change.order.id for change in changes))
    for change in changes:
        row = change.order
        if row.payments is not None:
            kept = row.total if change.kept is None else change.kept
            due = refund_due(row.payments, payable(row.status, kept, row.currency))
            set_refund_due(row.id, row.currency, due, now=now)


def _values(change: OrderChange) -> dict[str, Any]:
    order = change.order
    return {
        "id": order.id,
        "was_status": order.status,
        "was_version": order.version,
        "status": change.status,
        "total": order.total if change.total is None else change.total,
        "units": order.units if change.units is None else change.units,
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
        sums = [getattr(row, name) for name in PAYMENT_SUMS]
        database.execute(writes.SET_DETAILS, [*details, *parcel, *sums, row.id])
    row.status = OrderStatus(change.status)
    row.total = row.total if change.total is None else change.total
    row.units = row.units if change.units is None else change.units
    row.version, row.updated_at = row.version + 1, now


def set_refund_due(order: UUID, currency: str, amount: int, *, now: datetime) -> None:
    """Writes what the shop has to pay back of an order in one currency, in minor units; 0 settles
    it. `since` stays when the amount changes. Assumes that the order or its id is locked."""
    if not amount:
        RefundDue.objects.filter(order=order, currency=currency).delete()
        return
    RefundDue.objects.bulk_create(
        [RefundDue(order=order, currency=currency, amount=amount, since=now)],
        update_conflicts=True,
        update_fields=["amount"],
        unique_fields=["order", "currency"],
    )
