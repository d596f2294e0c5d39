"""Adds the notes of staff about an order. No API, feed, mail or printed page has them."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from larder.core.errors import NotFound
from larder.db import idempotency
from larder.db.idempotency import Claim
from larder.identity.caller import Caller
from larder.identity.services import audit
from larder.identity.services.credentials import require_permitted
from larder.identity.services.notes import refuse_faulty
from larder.orders.lifecycle import PERMISSIONS, Move
from larder.orders.models import Order, OrderNote
from larder.orders.services.locks import order_name


def add_note(order: UUID, text: str, *, caller: Caller, claim: Claim, now: datetime) -> bool:
    """Adds a note to a placed order. Returns whether it repeats an earlier request with its key.

    The order and its version stay as they are. The audit trail has that there is a note, and not
    its text. Raises NotFound, InvalidInput (text), KeyReused, SessionEnded, NotStaff,
    PermissionMissing and SecondFactorRequired.
    """
    refuse_faulty(text)

    def add() -> int:
        if not Order.objects.filter(id=order, placed_at__isnull=False).exists():
            raise NotFound
        made = OrderNote.objects.create(order_id=order, actor=caller.public_id, at=now, text=text)
        audit.record(order_name(order), "add_note", after={audit.PERSONAL: ["internal_note"]})
        # Last, because the row of the order may have been waited for.
        require_permitted(caller, PERMISSIONS[Move.CHANGE])
        return made.id

    with transaction.atomic(durable=True):
        return idempotency.once(claim, add, now=now).replayed
