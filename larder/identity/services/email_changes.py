"""Changes of email addresses: the former address gets a mail about the change.

The former address is stored until the mail server has accepted the mail or the job gives up, for a
day at most. The rest of the row stays for that day, to limit the mails of an account. Otherwise a
customer could enter one foreign address after the other, and make the shop send mail to all. The
mails to an address are limited too (attempts.py: MAILS): a client could use many accounts.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from larder.core.mailboxes import canonical, sent_to
from larder.identity.models import Customer, EmailChange
from larder.identity.services.rates.attempts import take_mail

DAY = timedelta(days=1)
MAX_PER_DAY = 5
"""Mails about the changes of one account. If an attacker changes the address, the first mail goes
to the owner."""


def note_change(
    customer: int, wanted: str, *, notify: Callable[[UUID], None], now: datetime
) -> None:
    """Stores the former address, and calls `notify` with the id of the change.

    Runs in the transaction that writes the new address. Locks the account first, so that the former
    address is the one that this change replaces. Does nothing if there was no address that
    gets mails, if the address does not change, or if the account or the former address has had its
    mails.
    """
    former = _held_address(customer)
    if (
        not former
        or canonical(former) == wanted
        or _mails_within_a_day(customer, now) >= MAX_PER_DAY
    ):
        return
    # An address that gets no mail has no limit, and uses up none of one that is spelled like it.
    if not sent_to(former) or not take_mail(former):
        return
    noted = EmailChange.objects.create(customer_id=customer, former=former, changed_at=now)
    notify(noted.id)


def _held_address(customer: int) -> str | None:
    rows = Customer.objects.select_for_update(no_key=True).filter(pk=customer, deleted_at=None)
    return rows.values_list("email", flat=True).first()


def _mails_within_a_day(customer: int, now: datetime) -> int:
    return EmailChange.objects.filter(customer=customer, changed_at__gt=now - DAY).count()


@dataclass(frozen=True, slots=True)
class FormerAddress:
    """The former address of an account, and the time of its change."""

    email: str = field(repr=False)
    changed_at: datetime


def former_address(change: UUID) -> FormerAddress | None:
    """Returns the address to notify of a change; None if it was notified or is no longer stored."""
    found = EmailChange.objects.filter(id=change).exclude(former="")
    row = found.values_list("former", "changed_at").first()
    return None if row is None else FormerAddress(*row)


def delete_former_address(change: UUID) -> None:
    """Deletes the former address, after its owner was notified or cannot be."""
    EmailChange.objects.filter(id=change).update(former="")


def delete_old_changes(*, now: datetime, limit: int) -> int:
    """Deletes up to `limit` changes older than a day. Returns their number."""
    past = EmailChange.objects.filter(changed_at__lt=now - DAY).order_by("changed_at")
    deleted, _ = EmailChange.objects.filter(id__in=past.values("id")[:limit]).delete()
    return deleted
