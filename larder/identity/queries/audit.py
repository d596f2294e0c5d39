"""Reads of the audit trail and of the notes of staff. They return plain data, not models."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from larder.core.parts import Part, first
from larder.identity.models import AuditEntry, Note


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries of the audit trail: those of an object, those of an actor by public id, and
    those recorded later than a time. None leaves a filter out."""

    object: str | None = None
    actor: UUID | None = None
    after: datetime | None = None

    def conditions(self) -> dict[str, Any]:
        """Returns the conditions of the ORM for the filters that were given."""
        given = {"object": self.object, "actor": self.actor, "at__gt": self.after}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An entry of the audit trail."""

    id: int
    at: datetime
    actor: UUID
    channel: str
    object: str
    action: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


_COLUMNS = tuple(AuditRow.__slots__)


def entries(wanted: AuditFilter, *, before: int | None, limit: int) -> Part[AuditRow]:
    """Returns up to `limit` entries of the audit trail, newest first: those with an id lower than
    `before`, if it is given."""
    found = AuditEntry.objects.filter(**wanted.conditions()).order_by("-id")
    rows = found if before is None else found.filter(id__lt=before)
    return first([AuditRow(*row) for row in rows.values_list(*_COLUMNS)[: limit + 1]], limit)


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
