"""Writes the expiry of holds: releases their units, and stores status and event of the orders.

The units can be ordered by others without this: the next service that locks the stock releases them
(larder/inventory/services/movements.py).
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from larder.core.ids import SYSTEM_ACTOR
from larder.inventory.services import movements as inventory
from larder.orders.lifecycle import EXPIRED, PENDING
from larder.orders.models import Order
from larder.orders.services.locks import OrderChange, lock_without_wait, write_changes

MOST_ORDERS = 5
"""Orders whose units a transaction releases: orders of the same products wait for it."""

MOST_TRIES = 3
"""Attempts in a call to leave out products that another transaction has locked."""


def expire_holds(*, now: datetime, limit: int) -> int:
    """Expires up to `limit` pending orders whose hold has ended by the database's clock, in several
    transactions. Returns their number. `now` is the time of their events.

    Waits for no lock. Skips orders that are locked, and those of products that another transaction
    has locked: the next call takes them.
    """
    busy: set[int] = set()
    expired = 0
    for _ in range(MOST_TRIES):
        due = list(_due(busy).values_list("id", flat=True)[: limit - expired])
        before = len(busy)
        for at in range(0, len(due), MOST_ORDERS):
            expired += _expire(due[at : at + MOST_ORDERS], busy, now)
        if len(busy) == before:
            break
    return expired


def _due(busy: Collection[int]) -> QuerySet[Order]:
    """Returns the orders whose hold has expired, by the index order_expiry, the first ones first:
    without those of the products `busy`. Now() is the time of the statement."""
    rows = Order.objects.filter(status=PENDING, expires_at__lte=Now())
    if busy:
        rows = rows.exclude(lines__product__in=busy)
    return rows.order_by("expires_at", "id")


def _expire(ids: Collection[UUID], busy: set[int], now: datetime) -> int:
    """Releases the units of orders, and stores the expiry of those that hold none any more. Adds
    products that another transaction has locked to `busy`."""
    with transaction.atomic(durable=True):
        orders = lock_without_wait(_due(()).filter(id__in=ids), limit=len(ids))
        products = {product for units in _held(orders).values() for product in units}
        busy |= products - inventory.lock_free(products).keys()
        held = _held(orders)
        # If the clock was set back meanwhile, a line may not be due any more.
        released = [order for order in orders if not held[order.id]]
        if released:
            inventory.end_holds([order.id for order in released])
            write_changes([_expiry(order) for order in released], now=now)
    return len(released)


def _expiry(order: Order) -> OrderChange:
    return OrderChange(order=order, type="expired", status=EXPIRED, actor=SYSTEM_ACTOR)


def _held(orders: Collection[Order]) -> dict[UUID, dict[int, int]]:
    return inventory.submit_held([order.id for order in orders])()
