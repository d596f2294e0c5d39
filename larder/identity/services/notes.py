"""Adds the notes of staff about an object. No API, feed, mail or printed page has them."""

from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.utils.translation import gettext

from larder.core.errors import Fault, InvalidInput, NotFound
from larder.core.limits import MAX_TEXT_LENGTH
from larder.core.texts import has_invisible
from larder.db import idempotency
from larder.db.idempotency import Claim
from larder.identity.caller import Caller
from larder.identity.models import Customer, Note
from larder.identity.services import audit
from larder.identity.services.credentials import lock_account, require_permitted


class About(NamedTuple):
    """The object of a note."""

    name: str
    """Its name in the audit trail."""

    permission: str
    """What its notes need."""

    customer: int | None = None
    """The account that it is, which is not deleted until the note is stored."""


def add_note(about: About, text: str, *, caller: Caller, claim: Claim, now: datetime) -> bool:
    """Adds a note to an object. Returns whether it repeats an earlier request with its key. The
    audit trail has that there is a note, and not its text.

    Raises NotFound (a deleted account), InvalidInput (text), KeyReused, SessionEnded, NotStaff,
    PermissionMissing and SecondFactorRequired.
    """
    refuse_faulty(text)

    def add() -> int:
        if about.customer is not None:
            lock_account(caller, about.customer)
            if not Customer.objects.filter(pk=about.customer, deleted_at=None).exists():
                raise NotFound
        note = Note.objects.create(object=about.name, actor=caller.public_id, at=now, text=text)
        audit.record(about.name, "add_note", after={audit.PERSONAL: ["internal_note"]})
        require_permitted(caller, about.permission)
        return note.id

    with transaction.atomic(durable=True):
        return idempotency.once(claim, add, now=now).replayed


def refuse_faulty(text: str) -> None:
    """Raises InvalidInput for a text of a note that is too long, empty, or has other control
    characters than line breaks: with all faults."""
    faults = []
    if len(text) > MAX_TEXT_LENGTH or not text.strip():
        code = "too_long" if text.strip() else "too_short"
        detail = gettext("Between 1 and {} characters are allowed.")
        faults.append(Fault("/text", code, detail.format(f"{MAX_TEXT_LENGTH:,}")))
    if any(has_invisible(line) for line in text.split("\n")):
        detail = gettext("Control and invisible characters are not allowed.")
        faults.append(Fault("/text", "invalid_format", detail))
    if faults:
        raise InvalidInput(faults)
