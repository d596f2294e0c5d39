"""The locks of orders: every service locks the row of a placed order here.

Each lock lasts until the transaction ends. A transaction locks its orders by ascending id, and
before any stock row. It waits for a lock as long as its `lock_timeout` says: that of the role, or a
shorter one where the transaction locks stock too (inventory/services/movements.py, place_order.py).
"""

import json
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS
from django.db.models import QuerySet

from larder.core.ids import SYSTEM_ACTOR
from larder.db import database
from larder.orders.decision import UnpaidUnits
from larder.orders.models import Order
from larder.orders.sql import writes

UNPAID_FOR = timedelta(days=1)
"""How long an order's units count after it was placed or changed, while it is neither paid nor
packed."""

NEW_ACCOUNT = 10
"""An account gets this part of the limit until the shop has shipped an order to it. Of the first
day's orders of 1,302 customers of a wholesaler (demo/online_retail), 99 % have fewer than 2,050
units."""


class LockBroken(RuntimeError):
    """A row was changed although this transaction has its lock. Nothing of this transaction is
    written."""

    def __init__(self, *orders: UUID) -> None:
        named = ", ".join(map(str, orders))
        super().__init__(
            f"Another transaction changed a locked order of these: {named}. Nothing was written."
            " A program that writes orders without Larder's services may do this; report it."
        )


def order_name(order: UUID) -> str:
    """Returns the name of an order in the audit trail."""
    return f"order:{order}"


def lock_order(id: UUID) -> Order | None:
    """Locks an order, and returns its row under the lock."""
    return submit_lock([id])().get(id)


def submit_lock(ids: Collection[UUID]) -> Callable[[], dict[UUID, Order]]:
    """Submits the locks of orders, and returns a function that returns their rows by id. Unknown
    ids are not in it."""
    reading = database.submit(_LOCK, [list(ids)])
    return lambda: {order.id: order for order in map(_order, reading())}


_FIELDS = Order._meta.concrete_fields
_LOCK = writes.LOCK.format(", ".join(str(field.column) for field in _FIELDS))


def _order(row: Sequence[Any]) -> Order:
    order = Order.from_db(DEFAULT_DB_ALIAS, [field.attname for field in _FIELDS], row)
    # Django reads PostgreSQL's JSON as text.
    order.ship_to = None if order.ship_to is None else json.loads(order.ship_to)
    return order


def lock_without_wait(rows: QuerySet[Order], *, limit: int) -> list[Order]:
    """Locks up to `limit` of the rows, except those that another transaction has locked. A row
    that another transaction changed since is compared with the conditions of `rows` once more."""
    # The table is named, or the rows of a joined one would be locked as well.
    return list(rows.select_for_update(of=("self",), skip_locked=True)[:limit])


def submit_unpaid(
    customers: Collection[int], limit: int | None, now: datetime, *, without: UUID = SYSTEM_ACTOR
) -> Callable[[], dict[int, UnpaidUnits]]:
    """Submits the statements that lock these customers and sum the units of their unpaid orders,
    `without` one order. Returns a function that returns them; empty if the shop has no limit."""
    ids = sorted(customers)
    if not (ids and limit):
        return dict
    database.submit(writes.LOCK_CUSTOMERS, [ids])
    reading = database.submit(writes.UNPAID_UNITS, [*[now - UNPAID_FOR] * 3, without, ids])

    def read() -> dict[int, UnpaidUnits]:
        return {
            customer: UnpaidUnits(limit if is_known else limit // NEW_ACCOUNT, units)
            for customer, is_known, units in reading()
        }

    return read
