"""Files that a user has sent and not confirmed yet: the latest of each user, for a day."""

from datetime import datetime, timedelta
from uuid import UUID

from larder.core.errors import NotFound
from larder.core.ids import new_id
from larder.db.models import KeptFile

RETENTION = timedelta(days=1)


def keep(actor: UUID, content: bytes, fingerprint: str, *, now: datetime) -> UUID:
    """Keeps a file in place of the user's earlier one, and the fingerprint of what its user was
    shown. Returns its id."""
    columns = {"file": new_id(), "content": content, "fingerprint": fingerprint, "created_at": now}
    return KeptFile.objects.update_or_create(actor=actor, defaults=columns)[0].file


def file_of(actor: UUID, file: UUID) -> KeptFile:
    """Returns a file of the user. Raises NotFound if it was used, replaced or deleted."""
    row = KeptFile.objects.filter(actor=actor, file=file).first()
    if row is None:
        raise NotFound
    return row


def use(actor: UUID, file: UUID) -> None:
    """Deletes a file of the user, in the transaction that uses it. Raises as `file_of` does."""
    if not KeptFile.objects.filter(actor=actor, file=file).delete()[0]:
        raise NotFound


def delete_old(*, now: datetime) -> int:
    """Deletes files that were not confirmed for a day. Returns their number. Bounded by the number
    of users: each has one file."""
    return KeptFile.objects.filter(created_at__lt=now - RETENTION).delete()[0]
