"""Locks and changes placed orders, for every service: status, total, version, event, the refund
that is due, and the sales of the books. A transaction locks its orders by ascending id, and before
any stock row.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from django.db import DEFAULT_DB_ALIAS

from larder.core.ids import new_id
from larder.db import database
from larder.orders.models import Order, OrderLine, OrderStatus, RefundDue
from larder.orders.payment_state import payable, refund_due
from larder.orders.queries import LineView
from larder.orders.queries.sales import COUNTS, LINE, NOTHING, counted, difference
from larder.orders.sql import sales as sales_sql
from larder.orders.sql import writes


class LockBroken(RuntimeError):
    """Another program changed orders that this transaction has locked. Nothing is written."""


def order_name(order: UUID) -> str:
    """Returns the name of an order in the audit trail."""
    return f"order:{order}"


def lock_order(id: UUID) -> Order | None:
    """Locks an order, and returns its row under the lock."""
    return submit_lock(id)()


def submit_lock(id: UUID) -> Callable[[], Order | None]:
    """Submits the lock of an order. Returns a function that returns its row; None if unknown."""
    reading = database.submit(_LOCK, [id])
    return lambda: next(map(_order, reading()), None)


_FIELDS = Order._meta.concrete_fields
_LOCK = writes.LOCK.format(", ".join(str(field.column) for field in _FIELDS))


def _order(row: Sequence[Any]) -> Order:
    order = Order.from_db(DEFAULT_DB_ALIAS, [field.attname for field in _FIELDS], row)
    # Django reads PostgreSQL's JSON as text.
    order.ship_to = None if order.ship_to is None else json.loads(order.ship_to)
    return order


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChange:
    """A change of a locked order, and the event about it.

    `order` is the row under the lock. `total` and `units` are the exact sums of the lines; None if
    these stay. `details` are new values of other columns.
    """

    order: Order
    type: str
    status: str
    actor: UUID
    event: UUID = field(default_factory=new_id)
    data: Mapping[str, Any] = field(default_factory=dict)
    total: Decimal | None = None
    units: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def submit_changes(changes: Sequence[OrderChange], *, now: datetime) -> Callable[[], None]:
    """Changes the rows of different orders, whose lines are written, as `submit_rows` does."""
    rows = [_changed(change, now) for change in changes]
    return submit_rows(rows, [due for each in changes for due in _refund_due(each.order)], now=now)


def submit_rows(
    rows: Sequence[Mapping[str, Any]], refunds: Sequence[tuple[UUID, str, int]], *, now: datetime
) -> Callable[[], None]:
    """Submits CHANGE_ORDERS with these rows. Returns a function that waits for it, and writes the
    refunds that are due, as `set_refund_due`. It raises LockBroken if an order has another status
    or version than the locked one."""
    changing = database.submit(writes.CHANGE_ORDERS, [now, msgspec.json.encode(rows).decode()])

    def wait() -> None:
        if len(changing()) != len(rows):
            raise LockBroken([row["id"] for row in rows])
        for due in refunds:
            set_refund_due(*due, now=now)

    return wait


def _refund_due(row: Order) -> list[tuple[UUID, str, int]]:
    if row.payments is None:
        return []
    back = OrderLine.objects.filter(order_id=row.id, returned__gt=0)
    prices = back.values_list("returned", "unit_price")
    total = row.total - sum((units * price for units, price in prices), Decimal(0))
    due = refund_due(row.payments, payable(row.status, total, row.currency))
    return [(row.id, row.currency, due)]


def _changed(change: OrderChange, now: datetime) -> dict[str, Any]:
    """Changes the row of an order. Returns what CHANGE_ORDERS writes."""
    row = change.order
    before = {"was_status": row.status, "was_version": row.version}
    if change.details:
        Order.objects.filter(id=row.id).update(**change.details)
    for name, value in change.details.items():
        setattr(row, name, value)
    row.status = OrderStatus(change.status)
    row.total = row.total if change.total is None else change.total
    row.units = row.units if change.units is None else change.units
    row.version, row.updated_at = row.version + 1, now
    after = {name: getattr(row, name) for name in ("id", "status", "total", "units")}
    event = {name: getattr(change, name) for name in ("event", "type", "actor", "data")}
    return before | after | event


def set_refund_due(order: UUID, currency: str, amount: int, *, now: datetime) -> None:
    """Writes what the shop has to pay back of a locked order, in minor units of one currency; 0
    settles it. `since` stays when the amount changes."""
    if not amount:
        RefundDue.objects.filter(order=order, currency=currency).delete()
        return
    RefundDue.objects.bulk_create(
        [RefundDue(order=order, currency=currency, amount=amount, since=now)],
        update_conflicts=True,
        update_fields=["amount"],
        unique_fields=["order", "currency"],
    )


def book_change(
    change: OrderChange,
    before: Sequence[LineView],
    after: Sequence[LineView],
    *,
    now: datetime,
) -> None:
    """Books the difference of each line that counts otherwise than before: what was booked earlier
    stays as it was. An order that is not sold any more has no lines after it. Assumes that the row
    of the order is locked, and has not changed yet."""
    order, booked = change.order, []
    event = {"order_id": order.id, "version": order.version + 1, "type": change.type}
    was, is_now = (counted(lines, order.currency) for lines in (before, after))
    for line in was | is_now:
        differences = difference(is_now.get(line, NOTHING), was.get(line, NOTHING))
        if any(differences):
            counts = dict(zip(COUNTS, differences, strict=True))
            booked.append({**event, **dict(zip(LINE, line, strict=True)), **counts})
    if booked:
        lines = msgspec.json.encode(booked).decode()
        database.execute(sales_sql.BOOK_CHANGES, {"at": now, "lines": lines})
