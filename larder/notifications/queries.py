"""Reads of notifications for other modules."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from larder.notifications.models import Mail


@dataclass(frozen=True, slots=True)
class Waiting:
    """A mail that waits to be sent."""

    kind: str
    about: UUID
    recipient: str
    created_at: datetime


def waiting(mail: UUID) -> Waiting | None:
    """Returns the mail if it still waits to be sent."""
    row = Mail.objects.filter(id=mail).values_list(*Waiting.__slots__).first()
    return None if row is None else Waiting(*row)
