"""Files that a user has sent and not confirmed yet: the latest of each user, for a day."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from larder.core.ids import new_id
from larder.db.models import KeptFile

RETENTION = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Kept:
    """A file, and the fingerprint of what its user was shown."""

    content: bytes
    fingerprint: str


def keep(actor: UUID, kept: Kept, *, now: datetime) -> UUID:
    """Keeps a file in place of the user's earlier one. Returns its id."""
    row = KeptFile(
        actor=actor,
        file=new_id(),
        content=kept.content,
        fingerprint=kept.fingerprint,
        created_at=now,
    )
    fields = ["file", "content", "fingerprint", "created_at"]
    KeptFile.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["actor"], update_fields=fields
    )
    return row.file


def kept(actor: UUID, file: UUID) -> Kept | None:
    """Returns a file of the user; None if it was used, replaced or deleted."""
    files = KeptFile.objects.filter(actor=actor, file=file)
    row = files.values_list("content", "fingerprint").first()
    return Kept(bytes(row[0]), row[1]) if row else None


def forget(actor: UUID) -> None:
    """Deletes the file of the user."""
    KeptFile.objects.filter(actor=actor).delete()


def delete_old(*, now: datetime) -> int:
    """Deletes files that were not confirmed for a day. Returns their number. Bounded by the number
    of users: each has one file."""
    return KeptFile.objects.filter(created_at__lt=now - RETENTION).delete()[0]
