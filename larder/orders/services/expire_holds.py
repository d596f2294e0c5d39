"""Writes the expiry of holds: releases their units, and stores status and event of the orders.

The units can be ordered by others without this: the next service that locks the stock releases them
(larder/inventory/services/movements.py).
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import OperationalError, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from larder.core.ids import SYSTEM_ACTOR, new_id
from larder.db import database
from larder.inventory.services import holds
from larder.inventory.services import movements as inventory
from larder.inventory.services.locks import find_locked
from larder.orders.lifecycle import EXPIRED, PENDING
from larder.orders.models import Order, OrderLine
from larder.orders.services.hold_ends import HoldEnd, end_holds
from larder.orders.services.locks import lock_without_wait

LOCK_WAIT = 0.1
"""Seconds for which a batch waits for the lock of a stock row. Batches of orders hold one for less
time."""

MOST_TRIES = 3
"""Attempts in a call to leave out products that another transaction keeps locked."""


def expire_holds(*, now: datetime, limit: int) -> int:
    """Expires up to `limit` pending orders whose hold has ended by the database's clock. Returns
    their number. `now` is the time of their events.

    Skips orders that are locked, and those of products that another transaction keeps locked: the
    next call takes them.
    """
    kept: set[int] = set()
    for _ in range(MOST_TRIES):
        orders: list[Order] = []
        products: set[int] = set()
        try:
            with transaction.atomic(durable=True):
                database.limit_lock_wait(LOCK_WAIT)
                orders = lock_without_wait(_due(kept), limit=limit)
                products = _products(orders)
                return _expire(orders, products, now)
        except OperationalError as error:
            if not database.is_lock_timeout(error):
                raise
        kept |= set(find_locked(products))
    return 0


def _due(kept: Collection[int]) -> QuerySet[Order]:
    """Returns the orders whose hold has expired, by the index order_expiry, the first ones first:
    without those of the products `kept`. Now() is the time of the statement."""
    rows = Order.objects.filter(status=PENDING, expires_at__lte=Now())
    if kept:
        rows = rows.exclude(lines__product__in=kept)
    return rows.order_by("expires_at", "id")


def _products(orders: Sequence[Order]) -> set[int]:
    lines = OrderLine.objects.filter(order_id__in=[one.id for one in orders])
    return set(lines.values_list("product_id", flat=True)) if orders else set()


def _expire(orders: Sequence[Order], products: Collection[int], now: datetime) -> int:
    if not orders:
        return 0
    # Releases the units.
    inventory.lock(products)
    held = holds.submit_held([one.id for one in orders])()
    # If the clock was set back meanwhile, a line may not be due any more.
    released = [one for one in orders if not held[one.id]]
    if released:
        ends = [HoldEnd(one, new_id(), SYSTEM_ACTOR) for one in released]
        end_holds(ends, EXPIRED, "expired", now=now)
    return len(released)
