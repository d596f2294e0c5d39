"""An email address that was changed: whoever had the former one is told there.

The former address is kept until the mail is with the mail server or given up, a day at most. The
rest of the row stays for that day: an account's changes have so many mails, so that nobody can
have the shop write to one stranger after the other by taking their addresses and leaving them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from larder.identity.models import Customer, EmailChange

DAY = timedelta(days=1)
MOST_IN_A_DAY = 5
"""Of an account. Whoever takes one over is told of by the first."""


def note_change(customer: int, wanted: str, *, tell: Callable[[UUID], None], now: datetime) -> None:
    """Within the transaction that is about to write the address: locks the account, so that the
    former address is the one that this change replaces, notes it, and `tell`s of the change.

    Does nothing where there was no address, or the one that is wanted.
    """
    former = _held_address(customer)
    if former in (None, "", wanted) or _told_of(customer, now) >= MOST_IN_A_DAY:
        return
    noted = EmailChange.objects.create(customer_id=customer, former=former, changed_at=now)
    tell(noted.id)


def _held_address(customer: int) -> str | None:
    rows = Customer.objects.select_for_update(no_key=True).filter(pk=customer, deleted_at=None)
    return rows.values_list("email", flat=True).first()


def _told_of(customer: int, now: datetime) -> int:
    return EmailChange.objects.filter(customer=customer, changed_at__gt=now - DAY).count()


@dataclass(frozen=True, slots=True)
class Former:
    """The address that an account had, and until when."""

    email: str = field(repr=False)
    changed_at: datetime


def former_address(change: UUID) -> Former | None:
    """Whom to tell of a change; None where they were told, or nobody is to be told any more."""
    found = EmailChange.objects.filter(id=change).exclude(former="")
    row = found.values_list("former", "changed_at").first()
    return None if row is None else Former(*row)


def forget_former_address(change: UUID) -> None:
    """Its owner was told, or cannot be."""
    EmailChange.objects.filter(id=change).update(former="")


def delete_old_changes(*, now: datetime, limit: int) -> int:
    """Deletes up to `limit` changes of more than a day ago. Returns how many."""
    past = EmailChange.objects.filter(changed_at__lt=now - DAY).order_by("changed_at")
    deleted, _ = EmailChange.objects.filter(id__in=past.values("id")[:limit]).delete()
    return deleted
