"""Reads of sessions, long-lived keys and second factors."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Case, QuerySet, When

from larder.core.errors import NotFound
from larder.core.limits import MAX_PASSKEYS
from larder.db import database
from larder.identity import sql
from larder.identity.caller import Caller
from larder.identity.models import Customer, Key, SecondFactor, Session
from larder.identity.queries import named, with_rights
from larder.identity.sql import ClockTimestamp
from larder.identity.tokens import ENDED_LATELY, derived_text, key_digest


def session_owner(session: UUID) -> int | None:
    """Returns the customer of a session, live or ended; None if the session was deleted."""
    return Session.objects.filter(pk=session).values_list("customer_id", flat=True).first()


def is_session_of(session: UUID, username: str) -> bool:
    """Returns whether this is a session, live or ended, of the account of this name."""
    if "\0" in username:
        return False
    accounts = named(Customer.normalize_username(username))
    return Session.objects.filter(pk=session, customer__in=accounts).exists()


MAX_LISTED = 20_000
"""Ended sessions that a server reads. If there are more, it looks up the session of each token."""


@dataclass(frozen=True, slots=True)
class EndedSessions:
    """Sessions that ended so recently that an access token may still be valid. `is_partial`: there
    are others."""

    sessions: frozenset[UUID] = frozenset()
    is_partial: bool = False

    def may_include(self, session: UUID | None) -> bool:
        """Returns whether the session of an access token may have ended."""
        return self.is_partial or session in self.sessions


def ended_sessions(*, now: datetime) -> EndedSessions:
    """Returns the sessions that ended within ENDED_LATELY."""
    lately = Session.objects.filter(ended_at__gt=now - ENDED_LATELY)
    ended = frozenset(lately.values_list("id", flat=True)[: MAX_LISTED + 1])
    return EndedSessions(ended, is_partial=len(ended) > MAX_LISTED)


def is_ongoing_session(session: UUID | None) -> bool:
    """Returns whether the session exists, and has neither ended nor expired by the database's
    clock."""
    rows = Session.objects.live(ClockTimestamp())
    return session is not None and rows.filter(id=session).exists()


@dataclass(frozen=True, slots=True)
class LogIn:
    """A live session as its owner sees it. `rotated_at`: the time of the last refresh."""

    id: UUID
    client: str
    created_at: datetime
    rotated_at: datetime
    expires_at: datetime


_LOG_IN = tuple(LogIn.__slots__)


def log_ins(customer: int, *, after: UUID | None, limit: int, now: datetime) -> list[LogIn]:
    """Returns up to `limit` live sessions of a customer by id, which is the order of creation."""
    live = Session.objects.live(now).filter(customer=customer).order_by("id")
    rows = live if after is None else live.filter(id__gt=after)
    return [LogIn(*row) for row in rows.values_list(*_LOG_IN)[:limit]]


def log_in(customer: int, session: UUID, *, now: datetime) -> LogIn:
    """Returns a live session of this customer. Raises NotFound."""
    live = Session.objects.live(now).filter(customer=customer, id=session)
    row = live.values_list(*_LOG_IN).first()
    if row is None:
        raise NotFound
    return LogIn(*row)


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
    for id, public_id, is_staff, generation, key, only, is_unnoted in database.rows(
        sql.KEY_OWNER, [key_digest(text)]
    ):
        if generation is None or text in _derived_texts(secrets, public_id, generation):
            held = None if only is None else frozenset(only)
            owner = Caller(id, public_id, is_staff, session=None, key=key, key_permissions=held)
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
    rows = _key_rows(Key.objects.live().filter(customer=customer, id=key_id))
    if not rows:
        raise NotFound
    return rows[0]


def _key_rows(keys: QuerySet[Key]) -> list[KeyRow]:
    derived = Case(When(generation=None, then=False), default=True)
    columns = ("id", "name", "derived", *KeyRow.__slots__[3:])
    return [KeyRow(*row) for row in keys.annotate(derived=derived).values_list(*columns)]


@dataclass(frozen=True, slots=True)
class Factor:
    """A second factor, without its secret. `name` is empty for an app."""

    id: UUID
    kind: str
    name: str
    created_at: datetime
    last_used_at: datetime | None


def factors(customer: int) -> Sequence[Factor]:
    """Returns the second factors of an account by time: an app, and passkeys up to MAX_PASSKEYS."""
    rows = SecondFactor.objects.filter(customer=customer).order_by("created_at", "id")
    named = rows.values_list("id", "kind", "name", "created_at", "last_used_at")
    return [Factor(*row) for row in named[: MAX_PASSKEYS + 1]]


def passkeys(customer: int) -> Sequence[bytes]:
    """Returns what is stored of the passkeys of an account (factors.py: created)."""
    rows = SecondFactor.objects.filter(customer=customer, kind="passkey").order_by(
        "created_at", "id"
    )
    return [bytes(stored) for stored in rows.values_list("credential", flat=True)[:MAX_PASSKEYS]]
