"""Adds the notes of staff about a customer. No API and no mail has them. They are deleted with the
account."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from larder.core.errors import Fault, InvalidInput, NotFound
from larder.core.invisible import has_invisible
from larder.core.limits import MAX_TEXT_LENGTH
from larder.db import idempotency
from larder.db.idempotency import Claim
from larder.identity.caller import Caller
from larder.identity.models import Customer, CustomerNote
from larder.identity.services import audit
from larder.identity.services.credentials import lock_account, require_permitted

PERMISSION = "identity.change_customer"


def add_note(customer: int, text: str, *, caller: Caller, claim: Claim, now: datetime) -> bool:
    """Adds a note to an account. Returns whether it repeats an earlier request with its key.

    The account and its version stay as they are. The audit trail has that there is a note, and not
    its text. Raises NotFound, InvalidInput (text), KeyReused, SessionEnded, NotStaff,
    PermissionMissing and SecondFactorRequired.
    """
    refuse_faulty(text)

    def add() -> int:
        # A deletion of the account takes the same lock: no note is added after it.
        lock_account(caller, customer)
        found = Customer.objects.filter(pk=customer, deleted_at=None)
        public_id = found.values_list("public_id", flat=True).first()
        if public_id is None:
            raise NotFound
        made = CustomerNote.objects.create(
            customer_id=customer, actor=caller.public_id, at=now, text=text
        )
        name = audit.customer_name(public_id)
        audit.record(name, "add_note", after={audit.PERSONAL: ["internal_note"]})
        require_permitted(caller, PERMISSION)
        return made.id

    with transaction.atomic(durable=True):
        return idempotency.once(claim, add, now=now).replayed


def refuse_faulty(text: str) -> None:
    """Raises InvalidInput for a text of a note that is too long, empty, or has other control
    characters than line breaks: with all faults."""
    found = []
    if len(text) > MAX_TEXT_LENGTH or not text.strip():
        code = "too_long" if text.strip() else "too_short"
        detail = gettext("Between 1 and {} characters are allowed.")
        found.append(Fault("/text", code, detail.format(f"{MAX_TEXT_LENGTH:,}")))
    if any(has_invisible(line) for line in text.split("\n")):
        detail = gettext("Control and invisible characters are not allowed.")
        found.append(Fault("/text", "invalid_format", detail))
    if found:
        raise InvalidInput(found)
