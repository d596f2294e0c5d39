"""Creates and reads access and refresh tokens, without a database.

Both are JWTs (RFC 7519, HS256), each kind with a separate key. A refresh token is valid only in the
API that issued it. An access token is valid in every API.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt

from larder.identity.caller import Caller
from larder.identity.errors import TokenExpired, TokenInvalid

MAX_TOKEN_LENGTH = 2_048
"""A token to be decoded, which is done before its signature is checked."""

_POLICY = "door"
"""The claim of a refresh token with the name of its policy."""


@dataclass(frozen=True, slots=True)
class TokenPolicy:
    """The lifetimes of the tokens of an API, and what a refresh does.

    If the policy `rotates`, each refresh returns a new refresh token, and the lifetime `refresh`
    begins anew. While the new token is unused, the previous one returns it again for `grace`; after
    that it is exchanged once more. Any other use of an old token ends the session.

    Unless the policy `repeats`, an old token is refused at once, and within the grace the session
    continues, because a duplicated request is no theft. Without rotation one refresh token is used
    until it expires.

    `is_read`: the clients read the tokens, which have an id, the email address and the public id.
    """

    name: str
    access: timedelta
    refresh: timedelta
    rotates: bool
    grace: timedelta
    is_read: bool
    repeats: bool = True


V1 = TokenPolicy(
    name="v1",
    access=timedelta(minutes=5),
    refresh=timedelta(days=30),
    rotates=True,
    grace=timedelta(seconds=60),
    is_read=False,
)
API = TokenPolicy(
    name="api",
    access=timedelta(minutes=5),
    refresh=timedelta(days=1),
    rotates=False,
    grace=timedelta(0),
    is_read=True,
)
IDENTITY = TokenPolicy(
    name="identity",
    access=timedelta(minutes=20),
    refresh=timedelta(days=30),
    rotates=True,
    grace=timedelta(seconds=60),
    is_read=True,
    repeats=False,
)

TOKEN_POLICIES = (V1, API, IDENTITY)
LONGEST_ACCESS = max(policy.access for policy in TOKEN_POLICIES)
"""Time for which an access token is valid after the end of its session, if that is not checked."""

CLOCK_SKEW = timedelta(minutes=1)
"""Maximum difference between the clocks of two servers."""

ENDED_LATELY = LONGEST_ACCESS + 2 * CLOCK_SKEW
"""Time for which an ended session can still have valid access tokens. One server may issue a token,
another one end the session, and a third one check the token."""


def derive_key(secret: str, purpose: str) -> bytes:
    """Derives a key of 32 bytes for one purpose from the installation's secret."""
    return hmac.digest(secret.encode(), f"larder:{purpose}".encode(), hashlib.sha256)


def key_digest(text: str) -> bytes:
    """Returns the stored hash of a long-lived key. The key has 160 random bits, so SHA-256 needs no
    salt."""
    return hashlib.sha256(text.encode(errors="replace")).digest()


def derived_text(secret: str, public_id: UUID, generation: int) -> str:
    """Returns the text of a customer's derived key of this generation: 40 hex digits."""
    payload = public_id.bytes + generation.to_bytes(4, "big")
    return hmac.digest(derive_key(secret, "key"), payload, hashlib.sha256)[:20].hex()


@dataclass(frozen=True, slots=True)
class Refresh:
    """The content of a genuine refresh token, and the policy that issued it."""

    policy: TokenPolicy
    session: UUID
    generation: int


class Signer:
    """Signs with the first secret. Accepts tokens signed with any (rotation of SECRET_KEY)."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._access = [derive_key(secret, "access") for secret in secrets]
        self._refresh = [derive_key(secret, "refresh") for secret in secrets]

    def access(
        self, caller: Caller, *, now: datetime, policy: TokenPolicy = V1, email: str = ""
    ) -> str:
        """Returns a JWT for this caller, valid for `policy.access`."""
        claims = _claims("access", caller, now + policy.access, policy, email)
        return jwt.encode(claims, self._access[0], algorithm="HS256")

    def read_access(self, token: str) -> tuple[Caller, float]:
        """Returns the caller, and the time (Unix time) at which the token expires.

        Raises TokenExpired or TokenInvalid.
        """
        return _caller(_decoded(token, self._access, _LIVE))

    def refresh(
        self,
        caller: Caller,
        generation: int,
        *,
        until: datetime,
        policy: TokenPolicy = V1,
        email: str = "",
    ) -> str:
        """Returns the refresh token of a generation of the caller's session: always the same, if
        clients do not read it."""
        claims = _claims("refresh", caller, until, policy, email)
        claims |= {_POLICY: policy.name, "generation": generation}
        return jwt.encode(claims, self._refresh[0], algorithm="HS256")

    def read_refresh(self, token: str, *policies: TokenPolicy) -> Refresh:
        """Returns the content of a refresh token of any age: its session has the expiry time.

        Raises TokenInvalid for anything that none of these policies issued.
        """
        claims = _decoded(token, self._refresh, _OF_ANY_AGE)
        try:
            if claims["token_type"] != "refresh":
                raise TokenInvalid
            policy = {policy.name: policy for policy in policies}[claims[_POLICY]]
            return Refresh(policy, UUID(str(claims["sid"])), int(claims["generation"]))
        except (KeyError, ValueError, TypeError) as error:
            raise TokenInvalid from error


def _claims(
    kind: str, caller: Caller, until: datetime, policy: TokenPolicy, email: str
) -> dict[str, Any]:
    """Returns the claims of a token, with those that clients read if they do."""
    lifetime = policy.access if kind == "access" else policy.refresh
    for_clients = {"jti": uuid4().hex, "email": email, "public_id": str(caller.public_id)}
    return {
        "token_type": kind,
        "sub": str(caller.public_id),
        "user_id": caller.id,
        "staff": caller.is_staff,
        "sid": str(caller.session),
        "iat": int((until - lifetime).timestamp()),
        "exp": int(until.timestamp()),
        **(for_clients if policy.is_read else {}),
    }


# `iat` is the issuer's clock, which may be ahead of this one, so it is not checked.
_BY_ANY_CLOCK: jwt.types.Options = {"verify_iat": False, "verify_nbf": False}
_LIVE: jwt.types.Options = {**_BY_ANY_CLOCK, "require": ["exp", "sub", "sid"]}
_OF_ANY_AGE: jwt.types.Options = {**_BY_ANY_CLOCK, "verify_exp": False}


def _decoded(token: str, keys: Sequence[bytes], options: jwt.types.Options) -> dict[str, Any]:
    if len(token) > MAX_TOKEN_LENGTH:
        raise TokenInvalid
    for key in keys:
        try:
            return jwt.decode(token, key, algorithms=["HS256"], options=options)
        except jwt.InvalidSignatureError:
            continue
        except jwt.ExpiredSignatureError as error:
            raise TokenExpired from error
        except (jwt.InvalidTokenError, KeyError, ValueError, TypeError, RecursionError) as error:
            raise TokenInvalid from error
    raise TokenInvalid


def _caller(claims: dict[str, Any]) -> tuple[Caller, float]:
    try:
        if claims["token_type"] != "access":
            raise TokenInvalid
        caller = Caller(
            id=int(str(claims["user_id"])),
            public_id=UUID(str(claims["sub"])),
            is_staff=claims["staff"] is True,
            session=UUID(str(claims["sid"])),
        )
        return caller, float(str(claims["exp"]))
    except (KeyError, ValueError, TypeError) as error:
        raise TokenInvalid from error
