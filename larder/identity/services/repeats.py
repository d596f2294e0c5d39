"""Repeated registrations, recognised without hashing a password.

A registration's key is kept as a MAC of it, and beside it a MAC of the request with its password,
both with a key from the installation's secret. So a copy of the database says nothing of the
password, and even with the secret a guess can be compared only with the client's own
key, which is stored nowhere (docs/adr/0032-hash-lanes.md).
"""

import hashlib
import hmac
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import msgspec

from larder.core.per_key import RunningPerKey
from larder.db import idempotency
from larder.db.idempotency import Claim, Scope
from larder.identity.tokens import derive_key


def sealed(claim: Claim, password: str, secrets: Sequence[str]) -> list[Claim]:
    """The claim as it is kept: with the first secret, and as it was kept with former ones.

    The fingerprint covers the password too.
    """
    return [_sealed(claim, password, derive_key(secret, "registration")) for secret in secrets]


def _sealed(claim: Claim, password: str, key: bytes) -> Claim:
    given = claim.scope.key
    said = msgspec.json.encode((given, claim.fingerprint.hex(), password))
    scope = claim.scope._replace(key=hmac.digest(key, given.encode(), hashlib.sha256).hex())
    return replace(claim, scope=scope, fingerprint=hmac.digest(key, said, hashlib.sha256))


def earlier(claims: Sequence[Claim]) -> str | None:
    """What a request with one of these claims made; None if there was none. Raises KeyReused."""
    found = idempotency.find([one.scope for one in claims])
    results = (found[one.scope].result_for(one) for one in claims if one.scope in found)
    return next(results, None)


_registrations = RunningPerKey()


def one_at_a_time(scope: Scope | None) -> AbstractContextManager[None]:
    """Of the requests with one key in this process one runs, and the others wait for its result.

    Raises Overloaded.
    """
    if scope is None:
        return nullcontext()
    return _registrations.running(scope)
