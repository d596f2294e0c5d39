"""Idempotency: a request that was answered once is not carried out twice.

Keys are claimed before anything else in the transaction they protect. A unique index makes a
twin in flight wait for the first to end: then it either finds the row (and replays) or, if the
first was refused and deleted its claim, takes the key itself. Source of the rules: the IETF
draft "The Idempotency-Key HTTP Header Field"; docs/reference/api/conventions.md describes them.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import msgspec

from larder.core.errors import KeyReused
from larder.db import database
from larder.db.models import IdempotencyKey

RETENTION = timedelta(hours=48)
"""How long a key is kept where it is not kept for ever."""


class Scope(NamedTuple):
    """Whose key, for what operation. Sorting scopes gives the one order of locking."""

    actor: UUID
    operation: str
    key: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A key, and what the request that carries it asks for (see `fingerprint`).

    `result` is the id of what will be made, where it is known beforehand; otherwise it is
    recorded with `settle`.
    """

    scope: Scope
    fingerprint: bytes
    result: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Earlier:
    """What was done before under a claimed key."""

    fingerprint: bytes
    result: str

    def result_for(self, claim: Claim) -> str:
        """The earlier result, if the request is the same. Raises KeyReused if it is not."""
        if self.fingerprint != claim.fingerprint:
            raise KeyReused
        return self.result


@dataclass(frozen=True, slots=True)
class Made:
    """The id of what a request made, and whether it repeats an earlier request."""

    id: int
    replayed: bool


class Outcome(NamedTuple):
    """What a request made, as text, and whether an earlier request made it."""

    result: str
    replayed: bool


def fingerprint(*parsed: object) -> bytes:
    """SHA-256 over parsed values: spaces and the order of keys in the JSON do not count."""
    return hashlib.sha256(msgspec.json.encode(parsed, order="deterministic")).digest()


_CLAIM = """
INSERT INTO idempotency_key (actor, operation, key, fingerprint, result, created_at, expires_at)
SELECT actor, operation, key, fingerprint, result, %s, expires_at
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::bytea[], %s::text[], %s::timestamptz[])
     AS claim (actor, operation, key, fingerprint, result, expires_at)
ORDER BY actor, operation, key COLLATE "C"
ON CONFLICT DO NOTHING
RETURNING actor, operation, key
"""

_FIND = """
SELECT actor, operation, key, fingerprint, result FROM idempotency_key
JOIN unnest(%s::uuid[], %s::text[], %s::text[]) AS wanted (actor, operation, key)
USING (actor, operation, key)
"""

_SETTLE = """
UPDATE idempotency_key AS row SET result = settled.result
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[])
     AS settled (actor, operation, key, result)
WHERE (row.actor, row.operation, row.key) = (settled.actor, settled.operation, settled.key)
"""

_RELEASE = """
DELETE FROM idempotency_key USING unnest(%s::uuid[], %s::text[], %s::text[])
     AS refused (actor, operation, key)
WHERE (idempotency_key.actor, idempotency_key.operation, idempotency_key.key)
    = (refused.actor, refused.operation, refused.key)
"""


def claim(claims: Sequence[Claim], *, now: datetime) -> dict[Scope, Earlier]:
    """Claims all keys; returns those that were used before, with what came of it.

    No scope may occur twice in `claims`. Waits for twins in flight. Must run in a transaction.
    """
    if not claims:
        return {}
    scopes = [claim.scope for claim in claims]
    contents = [(claim.fingerprint, claim.result, claim.expires_at) for claim in claims]
    taken = database.rows(_CLAIM, [now, *database.columns(scopes), *database.columns(contents)])
    mine = {Scope(*row) for row in taken}
    return find([scope for scope in scopes if scope not in mine])


def find(scopes: Sequence[Scope]) -> dict[Scope, Earlier]:
    """Returns those that are claimed, with what came of it."""
    if not scopes:
        return {}
    found = database.rows(_FIND, database.columns(scopes))
    return {Scope(*row[:3]): Earlier(bytes(row[3]), row[4]) for row in found}


def once(asked: Claim | None, make: Callable[[], object], *, now: datetime) -> Outcome:
    """Makes something, unless an earlier request with this claim did. `make` returns its id.

    Must run in the transaction of what is made. Raises KeyReused.
    """
    if asked is None:
        return Outcome(str(make()), replayed=False)
    earlier = claim([asked], now=now).get(asked.scope)
    if earlier is not None:
        return Outcome(earlier.result_for(asked), replayed=True)
    made = str(make())
    settle({asked.scope: made})
    return Outcome(made, replayed=False)


def settle(results: dict[Scope, str]) -> None:
    """Records what came of claimed keys, in the claiming transaction."""
    if results:
        database.execute(_SETTLE, [*database.columns(results), list(results.values())])


def release(scopes: Sequence[Scope]) -> None:
    """Gives claimed keys back: only successes are remembered."""
    if scopes:
        database.execute(_RELEASE, database.columns(scopes))


def delete_expired(*, now: datetime, limit: int) -> int:
    """Deletes up to `limit` keys past their time, the oldest first. Returns how many."""
    expired = IdempotencyKey.objects.filter(expires_at__lt=now).order_by("expires_at")
    deleted, _ = IdempotencyKey.objects.filter(pk__in=expired.values("pk")[:limit]).delete()
    return deleted
