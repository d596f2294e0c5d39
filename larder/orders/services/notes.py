"""Adds the notes of staff about an order. No API, feed, mail or printed page has them."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from larder.core.errors import Fault, InvalidInput, NotFound
from larder.core.invisible import has_invisible
from larder.core.limits import MAX_TEXT_LENGTH
from larder.db import idempotency
from larder.db.idempotency import Claim
from larder.identity.caller import Caller
from larder.identity.services import audit
from larder.identity.services.credentials import require_permitted
from larder.orders.lifecycle import PERMISSIONS, Move
from larder.orders.models import Order, OrderNote
from larder.orders.services.locks import order_name


def add_note(order: UUID, text: str, *, caller: Caller, claim: Claim, now: datetime) -> bool:
    """Adds a note to a placed order. Returns whether it repeats an earlier request with its key.

    The order and its version stay as they are. The audit trail has that there is a note, and not
    its text. Raises NotFound, InvalidInput (text), KeyReused, SessionEnded, NotStaff,
    PermissionMissing and SecondFactorRequired.
    """
    _refuse_faulty(text)

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


def _refuse_faulty(text: str) -> None:
    """Raises InvalidInput for a text that is too long, empty, or has other control characters than
    line breaks: with all faults."""
    found = []
    if len(text) > MAX_TEXT_LENGTH or not text.strip():
        code = "too_long" if text.strip() else "too_short"
        detail = f"Between 1 and {MAX_TEXT_LENGTH:,} characters are allowed."
        found.append(Fault("/text", code, detail))
    if any(has_invisible(line) for line in text.split("\n")):
        detail = "Control and invisible characters are not allowed."
        found.append(Fault("/text", "invalid_format", detail))
    if found:
        raise InvalidInput(found)
