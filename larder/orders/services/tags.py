"""Changes the tags of orders. No API, feed, mail or printed page has them."""

from collections.abc import Collection
from uuid import UUID

from django.db import transaction

from larder.core.tags import TagChange
from larder.identity.caller import Caller
from larder.identity.services import audit
from larder.identity.services.credentials import require_permitted
from larder.orders.lifecycle import PERMISSIONS, Move
from larder.orders.models import Order, OrderTags
from larder.orders.services.locks import lock_tags, order_name


def tag_orders(orders: Collection[UUID], change: TagChange, *, caller: Caller) -> int:
    """Adds and removes tags of placed orders: of all or of none, in one transaction. Returns how
    many changed.

    The orders and their versions stay as they are. Raises InvalidInput (tags), SessionEnded,
    NotStaff, PermissionMissing and SecondFactorRequired.
    """
    entries = []
    with transaction.atomic(durable=True):
        placed = Order.objects.filter(id__in=orders, placed_at__isnull=False)
        ids = list(placed.order_by("id").values_list("id", flat=True))
        for id, former in lock_tags(ids).items():
            tags = change.applied(former)
            if tags != former:
                OrderTags.objects.filter(order=id).update(tags=tags)
                entries.append(_entry(id, former, tags))
        require_permitted(caller, PERMISSIONS[Move.CHANGE])
        audit.record_all(entries)
    return len(entries)


def _entry(order: UUID, former: list[str], tags: list[str]) -> audit.Entry:
    return audit.Entry(order_name(order), "change_tags", {"tags": former}, {"tags": tags})
