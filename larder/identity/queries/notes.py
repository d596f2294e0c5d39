"""The notes of staff about a customer."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from larder.core.parts import Part, first
from larder.identity.models import CustomerNote


@dataclass(frozen=True, slots=True)
class NoteView:
    """A note: the public id of its author, the time, the text."""

    actor: UUID
    at: datetime
    text: str


def latest_notes(customer: int, *, limit: int) -> Part[NoteView]:
    """Returns the last `limit` notes about a customer, newest first. `more` says whether there are
    earlier ones."""
    rows = CustomerNote.objects.filter(customer_id=customer).order_by("-id")
    views = [NoteView(*row) for row in rows.values_list(*NoteView.__slots__)[: limit + 1]]
    return first(views, limit)
