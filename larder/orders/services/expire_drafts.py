"""Drafts that nobody comes back to are deleted: nothing is reserved for them, and nothing lost."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from larder.orders.models import Order, OrderStatus
from larder.orders.services.cart import delete_drafts

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
        ids = _lock_free(drafts, limit)
        return delete_drafts(ids) if ids else 0


def _lock_free(drafts: QuerySet[Order], limit: int) -> list[UUID]:
    """The lock looks at each row again, as it is then: one touched since is not among them."""
    free = drafts.select_for_update(of=("self",), skip_locked=True)
    return list(free.values_list("id", flat=True)[:limit])
