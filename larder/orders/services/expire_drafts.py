"""Drafts that nobody comes back to are deleted: nothing is reserved for them, and nothing lost."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from larder.orders.models import Order, OrderStatus
from larder.orders.services.cart import delete_drafts
from larder.orders.services.locks import lock_without_wait

KEPT = timedelta(days=30)
"""How long a draft is kept since its last change."""


def expire_drafts(*, now: datetime, limit: int) -> int:
    """Deletes up to `limit` drafts that were not touched for KEPT, and those of deleted accounts.

    Returns how many. A draft that somebody is changing or placing at this moment is let alone:
    its row is locked.
    """
    over = Q(updated_at__lt=now - KEPT) | Q(customer__deleted_at__isnull=False)
    drafts = Order.objects.filter(over, status=OrderStatus.DRAFT).order_by("updated_at", "id")
    with transaction.atomic(durable=True):
        locked = lock_without_wait(drafts, limit=limit)
        return delete_drafts([one.id for one in locked]) if locked else 0
