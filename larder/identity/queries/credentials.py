"""Reads of sessions, long-lived keys and second factors."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Case, When

from larder.core.limits import MAX_PASSKEYS
from larder.db import database
from larder.identity import sql
from larder.identity.caller import Caller
from larder.identity.models import Key, SecondFactor, Session
from larder.identity.queries import OwnRows, named, with_rights
from larder.identity.sql import ClockTimestamp
from larder.identity.tokens import ENDED_LATELY, derived_text, key_digest


def session_owner(session: UUID) -> int | None:
    """Returns the customer of a session, live or ended; None if the session was deleted."""
    return Session.objects.filter(pk=session).values_list("customer_id", flat=True).first()


def is_session_of(session: UUID, username: str) -> bool:
    """Returns whether this is a session, live or ended, of the account of this name."""
    return Session.objects.filter(pk=session, customer__in=named(username)).exists()


MAX_LISTED = 20_000
"""Ended sessions that a server reads. If there are more, it looks up the session of each token."""


def ended_sessions(*, now: datetime) -> frozenset[UUID] | None:
    """Returns the sessions that ended within ENDED_LATELY, so that an access token may still be
    valid; None if there are more than MAX_LISTED."""
    lately = Session.objects.filter(ended_at__gt=now - ENDED_LATELY)
    ended = frozenset(lately.values_list("id", flat=True)[: MAX_LISTED + 1])
    return ended if len(ended) <= MAX_LISTED else None


def is_ongoing_session(session: UUID | None) -> bool:
    """Returns whether the session exists, and has neither ended nor expired by the database's
    clock."""
    rows = Session.objects.live(ClockTimestamp())
    return session is not None and rows.filter(id=session).exists()


def still_valid(callers: Sequence[Caller]) -> Iterator[Caller]:
    """Yields the callers whose account is active, and whose session or key has not ended. The
    expiry of an access token does not matter."""
    columns = database.columns([(caller.id, caller.session, caller.key) for caller in callers])
    for (place,) in database.rows(sql.STILL_VALID, columns) if callers else ():
        yield callers[place - 1]


def log_ins(customer: int, *, now: datetime) -> OwnRows:
    """Returns the live sessions of a customer: `id`, `client`, `created_at`, `rotated_at` (the last
    refresh), `expires_at`."""
    rows = Session.objects.live(now).filter(customer=customer)
    times = ("created_at", "rotated_at", "expires_at")
    return OwnRows(rows.values_list("id", "client", *times, named=True))


_KEY = re.compile(r"larder_[A-Za-z0-9_-]{40}|[0-9a-f]{40}")


def key_use(text: str, *, secrets: Sequence[str]) -> tuple[Caller, bool] | None:
    """Returns the owner of the key of this text, with the current rights that the key gives, and
    whether the use is to be noted (services/keys.py: note_use); None if it is not a live key.

    A key derived from a secret that is no longer in `secrets` is refused: a person who knows the
    old secret can derive all such keys.
    """
    if not _KEY.fullmatch(text):
        return None
    for id, public_id, is_staff, generation, key, only, is_unnoted in database.rows(
        sql.KEY_OWNER, [key_digest(text)]
    ):
        derived = (derived_text(secret, public_id, generation or 0) for secret in secrets)
        if generation is None or text in derived:
            held = None if only is None else frozenset(only)
            owner = Caller(id, public_id, is_staff, session=None, key=key, key_permissions=held)
            return with_rights(owner), is_unnoted
    return None


def keys(customer: int) -> OwnRows:
    """Returns the live keys of a customer: `id`, `name`, `derived` (whether each call returns the
    same key again), `permissions` (the only ones that it gives; None for all of its owner's),
    `created_at`, `expires_at`, `last_used_at`."""
    derived = Case(When(generation=None, then=False), default=True)
    rows = Key.objects.live().filter(customer=customer).annotate(derived=derived)
    times = ("created_at", "expires_at", "last_used_at")
    return OwnRows(rows.values_list("id", "name", "derived", "permissions", *times, named=True))


def factors(customer: int) -> list[Any]:
    """Returns the second factors of an account by time, an app, and passkeys up to MAX_PASSKEYS:
    `id`, `kind`, `name` (empty for an app), `created_at`, `last_used_at`."""
    rows = SecondFactor.objects.filter(customer=customer).order_by("created_at", "id")
    columns = ("id", "kind", "name", "created_at", "last_used_at")
    return list(rows.values_list(*columns, named=True)[: MAX_PASSKEYS + 1])


def passkeys(customer: int) -> Sequence[bytes]:
    """Returns what is stored of the passkeys of an account (factors.py: created)."""
    rows = SecondFactor.objects.filter(customer=customer, kind="passkey").order_by(
        "created_at", "id"
    )
    return [bytes(stored) for stored in rows.values_list("credential", flat=True)[:MAX_PASSKEYS]]
