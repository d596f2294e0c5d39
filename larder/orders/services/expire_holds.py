"""Writes the expiry of holds: releases their units, and stores status and event of the orders.

The units can be ordered by others without this: the next service that locks the stock releases them
(larder/inventory/services/movements.py).
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from larder.core.ids import SYSTEM_ACTOR
from larder.inventory.services import movements as inventory
from larder.orders.lifecycle import EXPIRED, PENDING
from larder.orders.models import Order
from larder.orders.services.locks import OrderChange, submit_changes

MOST_ORDERS = 5
"""Orders whose units a transaction releases: orders of the same products wait for it."""

LOOK_AT = 5
"""So many times the limit are looked at: some may be locked, or their products."""


def expire_holds(*, now: datetime, limit: int) -> int:
    """Expires up to `limit` pending orders whose hold has ended by the database's clock, in several
    transactions, the first ones first. Returns their number. `now` is the time of their events.

    Waits for no lock. Skips orders that are locked, and those of products that another transaction
    has locked: the next call takes them.
    """
    due = list(_due().values_list("id", flat=True)[: limit * LOOK_AT])
    expired = 0
    while due and expired < limit:
        size = min(MOST_ORDERS, limit - expired)
        expired += _expire(due[:size], now)
        del due[:size]
    return expired


def _due() -> QuerySet[Order]:
    """Returns the orders whose hold has expired, by the index order_expiry. Now() is the time of
    the statement."""
    return Order.objects.filter(status=PENDING, expires_at__lte=Now()).order_by("expires_at", "id")


def _expire(ids: Sequence[UUID], now: datetime) -> int:
    """Releases the units of orders, and stores the expiry of those that hold none any more."""
    with transaction.atomic(durable=True):
        # A row that another transaction has changed is compared with the conditions once more.
        orders = list(_due().filter(id__in=ids).select_for_update(skip_locked=True))
        locked = [order.id for order in orders]
        holding = inventory.held_by(locked)
        inventory.lock_free({product for units in holding.values() for product in units})
        held = inventory.held_by(locked)
        changes = [
            OrderChange(order=order, type="expired", status=EXPIRED, actor=SYSTEM_ACTOR)
            for order in orders
            if not held[order.id]
        ]
        if changes:
            submit_changes(changes, now=now)()
    return len(changes)
