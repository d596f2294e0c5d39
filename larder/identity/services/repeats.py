"""Recognizes repeated registrations without hashing a password.

Two values are stored: a MAC of the registration's idempotency key, and a MAC of the request with
its password. Both use a key derived from the installation's secret. So a copy of the database
reveals nothing about the password. Even with the secret, a guess can only be checked with the
client's idempotency key, which is not stored.
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
    """Returns the claim in its stored form, with the first secret and with each former one.

    The fingerprint includes the password.
    """
    return [_sealed(claim, password, derive_key(secret, "registration")) for secret in secrets]


def _sealed(claim: Claim, password: str, key: bytes) -> Claim:
    given = claim.scope.key
    content = msgspec.json.encode((given, claim.fingerprint.hex(), password))
    scope = claim.scope._replace(key=hmac.digest(key, given.encode(), hashlib.sha256).hex())
    return replace(claim, scope=scope, fingerprint=hmac.digest(key, content, hashlib.sha256))


def earlier(claims: Sequence[Claim]) -> str | None:
    """Returns the result of an earlier request with one of these claims; None if there is none.

    Raises KeyReused.
    """
    found = idempotency.find([one.scope for one in claims])
    results = (found[one.scope].result_for(one) for one in claims if one.scope in found)
    return next(results, None)


_registrations = RunningPerKey()


def one_at_a_time(scope: Scope | None) -> AbstractContextManager[None]:
    """Lets one request of this process with this key run at a time. The others wait.

    Raises Overloaded.
    """
    if scope is None:
        return nullcontext()
    return _registrations.running(scope)
