"""The notes of staff about an object."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from larder.core.parts import Part, first
from larder.identity.models import Note


@dataclass(frozen=True, slots=True)
class NoteView:
    """A note: the public id of its author, the time, the text."""

    actor: UUID
    at: datetime
    text: str


def latest_notes(object: str, *, limit: int) -> Part[NoteView]:
    """Returns the last `limit` notes about an object, by its name in the audit trail, newest first.
    `more` says whether there are earlier ones."""
    rows = Note.objects.filter(object=object).order_by("-id")
    views = [NoteView(*row) for row in rows.values_list(*NoteView.__slots__)[: limit + 1]]
    return first(views, limit)
