"""Reads of the audit trail and of the notes of staff. They return plain data, not models."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from larder.core.parts import Part, first
from larder.identity.models import AuditEntry, Note


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


def entries(
    *,
    object: str | None = None,
    actor: UUID | None = None,
    after: datetime | None = None,
    before: int | None = None,
    limit: int,
) -> Part[AuditRow]:
    """Returns up to `limit` entries of the audit trail, newest first: those of an object, those of
    an actor by public id, those recorded later than `after`, and those with an id lower than
    `before`, where these are given."""
    bounds = {"object": object, "actor": actor, "at__gt": after, "id__lt": before}
    filters = {name: value for name, value in bounds.items() if value is not None}
    rows = AuditEntry.objects.filter(**filters).order_by("-id")
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
