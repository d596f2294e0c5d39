"""Deletes abandoned carts. Nothing is reserved for a draft, so no stock changes."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from larder.orders.models import Order, OrderStatus
from larder.orders.services.cart import delete_drafts
from larder.orders.services.locks import lock_without_wait

KEPT = timedelta(days=30)
"""The time from the last change of a draft until it is deleted."""


def expire_drafts(*, now: datetime, limit: int) -> int:
    """Deletes up to `limit` drafts that were not changed for KEPT, and those of deleted accounts.

    Returns the number of drafts. Skips drafts whose row is locked, because they are being changed
    or placed.
    """
    over = Q(updated_at__lt=now - KEPT) | Q(customer__deleted_at__isnull=False)
    drafts = Order.objects.filter(over, status=OrderStatus.DRAFT).order_by("updated_at", "id")
    with transaction.atomic(durable=True):
        locked = lock_without_wait(drafts, limit=limit)
        return delete_drafts([one.id for one in locked]) if locked else 0
