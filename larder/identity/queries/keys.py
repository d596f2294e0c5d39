"""Reads of long-lived keys: who uses one, and the live keys of an account."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Case, QuerySet, When

from larder.core.errors import NotFound
from larder.db import database
from larder.identity import sql
from larder.identity.caller import Caller
from larder.identity.models import Key
from larder.identity.queries import with_rights
from larder.identity.tokens import derived_text, key_digest

_KEY = re.compile(r"larder_[A-Za-z0-9_-]{40}|[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class KeyUse:
    """A use of a live key: its owner, with the current rights that the key gives. `is_unnoted`: the
    use is to be noted (services/keys.py: note_use)."""

    owner: Caller
    is_unnoted: bool


def key_use(text: str, *, secrets: Sequence[str]) -> KeyUse | None:
    """Returns who uses the key of this text; None if it is not a live key.

    A key derived from a secret that is no longer in `secrets` is refused: a person who knows the
    old secret can derive all such keys.
    """
    if not _KEY.fullmatch(text):
        return None
    for id, public_id, is_staff, generation, key, named, is_unnoted in database.rows(
        sql.KEY_OWNER, [key_digest(text)]
    ):
        if generation is None or text in _derived_texts(secrets, public_id, generation):
            only = None if named is None else frozenset(named)
            owner = Caller(id, public_id, is_staff, session=None, key=key, key_permissions=only)
            return KeyUse(with_rights(owner), is_unnoted)
    return None


def _derived_texts(secrets: Sequence[str], public_id: UUID, generation: int) -> set[str]:
    return {derived_text(secret, public_id, generation) for secret in secrets}


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A live key as its owner sees it. `derived`: each call returns the same key again.
    `permissions`: the only ones that it gives; None for all of its owner's."""

    id: UUID
    name: str
    derived: bool
    permissions: list[str] | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


def keys(customer: int, *, after: UUID | None, limit: int) -> list[KeyRow]:
    """Returns up to `limit` live keys of a customer by id, which is the order of creation."""
    live = Key.objects.live().filter(customer=customer).order_by("id")
    return _key_rows((live if after is None else live.filter(id__gt=after))[:limit])


def key(customer: int, key_id: UUID) -> KeyRow:
    """Returns a live key of this customer. Raises NotFound."""
    found = _key_rows(Key.objects.live().filter(customer=customer, id=key_id))
    if not found:
        raise NotFound
    return found[0]


def _key_rows(found: QuerySet[Key]) -> list[KeyRow]:
    derived = Case(When(generation=None, then=False), default=True)
    columns = ("id", "name", "derived", *KeyRow.__slots__[3:])
    return [KeyRow(*row) for row in found.annotate(derived=derived).values_list(*columns)]
