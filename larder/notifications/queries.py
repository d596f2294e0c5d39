"""Reads of notifications for other modules."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from larder.notifications.models import Mail


@dataclass(frozen=True, slots=True)
class Waiting:
    """A mail that is neither sent nor given up."""

    kind: str
    about: UUID
    recipient: str
    created_at: datetime


def waiting(mail: UUID) -> Waiting | None:
    """Returns the mail if it still waits to be sent."""
    mails = Mail.objects.filter(id=mail, sent_at=None, given_up_at=None)
    row = mails.values_list(*Waiting.__slots__).first()
    return None if row is None else Waiting(*row)
