"""Adds the notes of staff about an object. No API, feed, mail or printed page has them."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import NamedTuple
from uuid import UUID

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

    lock: Callable[[], None] = lambda: None
    """Keeps the object from being deleted until the note is stored."""


def add_note(about: About, text: str, *, caller: Caller, claim: Claim, now: datetime) -> bool:
    """Adds a note to an object. Returns whether it repeats an earlier request with its key. The
    audit trail has that there is a note, and not its text.

    Raises what `lock` raises, InvalidInput (text), KeyReused, SessionEnded, NotStaff,
    PermissionMissing and SecondFactorRequired.
    """
    refuse_faulty(text)

    def add() -> int:
        about.lock()
        note = Note.objects.create(object=about.name, actor=caller.public_id, at=now, text=text)
        audit.record(about.name, "add_note", after={audit.PERSONAL: ["internal_note"]})
        require_permitted(caller, about.permission)
        return note.id

    with transaction.atomic(durable=True):
        return idempotency.once(claim, add, now=now).replayed


def about_customer(caller: Caller, customer: int, public_id: UUID) -> About:
    """Returns a customer as the object of a note by the caller."""
    name = audit.customer_name(public_id)
    return About(name, "identity.change_customer", partial(_lock_customer, caller, customer))


def _lock_customer(caller: Caller, customer: int) -> None:
    """Locks an account, as its deletion does. Raises NotFound for a deleted one."""
    lock_account(caller, customer)
    if not Customer.objects.filter(pk=customer, deleted_at=None).exists():
        raise NotFound


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
