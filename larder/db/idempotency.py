"""Idempotency keys: a request that succeeded is not executed a second time.

A transaction claims its keys before it writes anything else. A unique index makes a concurrent
request with the same key wait until the first one ends; then it returns the earlier result, or
claims the key if the first one was refused. Source: the IETF draft "The Idempotency-Key HTTP Header
Field".
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import msgspec

from larder.core.errors import KeyReused
from larder.db import database, sql
from larder.db.models import IdempotencyKey

RETENTION = timedelta(hours=48)
"""Time for which a key is kept, unless it is kept for ever."""


class Scope(NamedTuple):
    """A key of an actor for an operation. The sort order of scopes is the order of locking."""

    actor: UUID
    operation: str
    key: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A key, and the fingerprint of its request (see `fingerprint`).

    `result` is the id of the object to be created, if it is known beforehand. Otherwise `once`
    records it.
    """

    scope: Scope
    fingerprint: bytes
    result: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Earlier:
    """The earlier use of a claimed key."""

    fingerprint: bytes
    result: str

    def result_for(self, claim: Claim) -> str:
        """Returns the earlier result. Raises KeyReused if the request is another one."""
        if self.fingerprint != claim.fingerprint:
            raise KeyReused
        return self.result


class Outcome(NamedTuple):
    """The id of the created object, as text, and whether an earlier request created it."""

    result: str
    replayed: bool

    @property
    def id(self) -> int:
        """The id of an object with a number."""
        return int(self.result)


def fingerprint(*parsed: object) -> bytes:
    """Returns SHA-256 over parsed values. Whitespace and the order of keys in the JSON have no
    effect."""
    return hashlib.sha256(msgspec.json.encode(parsed, order="deterministic")).digest()


def claim(claims: Sequence[Claim], *, now: datetime) -> dict[Scope, Earlier]:
    """Claims all keys. Returns those that were used before, with their earlier use.

    Waits for concurrent transactions with the same keys. Assumes that no scope occurs twice in
    `claims`, and that a transaction is open.
    """
    return submit_claim(claims, now=now)()


def submit_claim(claims: Sequence[Claim], *, now: datetime) -> Callable[[], dict[Scope, Earlier]]:
    """Submits the statement of `claim`, and returns a function that reads its result."""
    if not claims:
        return dict
    scopes = [claim.scope for claim in claims]
    contents = [(claim.fingerprint, claim.result, claim.expires_at) for claim in claims]
    columns = [*database.columns(scopes), *database.columns(contents)]
    reading = database.submit(sql.CLAIM, [now, *columns])

    def read() -> dict[Scope, Earlier]:
        mine = {Scope(*row) for row in reading()}
        used = [scope for scope in scopes if scope not in mine]
        return find(used) if used else {}

    return read


def find(scopes: Sequence[Scope]) -> dict[Scope, Earlier]:
    """Returns the scopes that are claimed, with their earlier use."""
    rows = IdempotencyKey.objects.filter(pk__in=scopes)
    return {Scope(*row.pk): Earlier(bytes(row.fingerprint), row.result) for row in rows}


def submit_repeat(request_claim: Claim | None, *, now: datetime) -> Callable[[], bool]:
    """Submits the claim of a key, if there is one. Returns a function that returns whether an
    earlier request with it was made, and raises KeyReused.

    Assumes that a transaction is open, and that the claim has the result of the request.
    """
    claiming = submit_claim([] if request_claim is None else [request_claim], now=now)

    def read() -> bool:
        uses = claiming().values()
        return bool([use.result_for(request_claim) for use in uses if request_claim is not None])

    return read


def once(request_claim: Claim | None, make: Callable[[], object], *, now: datetime) -> Outcome:
    """Calls `make`, which returns the id of what it creates, unless an earlier request with this
    claim did. Without a claim it always calls it. Assumes that a transaction is open. Raises
    KeyReused."""
    if request_claim is None:
        return Outcome(str(make()), replayed=False)
    for earlier in claim([request_claim], now=now).values():
        return Outcome(earlier.result_for(request_claim), replayed=True)
    result = str(make())
    if result != request_claim.result:
        IdempotencyKey.objects.filter(pk=request_claim.scope).update(result=result)
    return Outcome(result, replayed=False)


def release(scopes: Sequence[Scope]) -> None:
    """Deletes the claims of requests that created and changed nothing."""
    if scopes:
        database.execute(sql.RELEASE, database.columns(scopes))


def delete_expired(*, now: datetime, limit: int) -> int:
    """Deletes up to `limit` expired keys, the oldest first. Returns their number."""
    expired = IdempotencyKey.objects.filter(expires_at__lt=now).order_by("expires_at")
    deleted, _ = IdempotencyKey.objects.filter(pk__in=expired.values("pk")[:limit]).delete()
    return deleted
