"""Access and refresh tokens: made and read here, without a database.

An access token is a JWT (RFC 7519, HS256). So is a refresh token of a signed door; any other is
opaque: session id, generation and a MAC over both, so that the same generation gives the same
token each time. Each of the three kinds has a key of its own.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import jwt

from larder.core.limits import MAX_TOKEN_LENGTH
from larder.identity.caller import Caller
from larder.identity.doors import V1, Door
from larder.identity.errors import TokenExpired, TokenInvalid

_MAC_BYTES = 32


def derive_key(secret: str, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose, from the installation's secret."""
    return hmac.digest(secret.encode(), f"larder:{purpose}".encode(), hashlib.sha256)


def key_digest(text: str) -> bytes:
    """What is stored of a long-lived key. It has 160 bits of chance: SHA-256 needs no salt."""
    return hashlib.sha256(text.encode(errors="replace")).digest()


def derived_text(secret: str, public_id: UUID, generation: int) -> str:
    """The text of a customer's derived key of this generation: 40 hex digits."""
    said = public_id.bytes + generation.to_bytes(4, "big")
    return hmac.digest(derive_key(secret, "key"), said, hashlib.sha256)[:20].hex()


def reset_token(secret: str, reset: UUID, account: Sequence[str]) -> str:
    """The token of a reset, for an account that stands like this: 64 characters, the same for
    the same arguments."""
    said = reset.bytes + "\0".join(account).encode()
    mac = hmac.digest(derive_key(secret, "password reset"), said, hashlib.sha256)
    return base64.urlsafe_b64encode(reset.bytes + mac).decode()


def reset_named(token: str) -> UUID | None:
    """The reset that a token names, genuine or not; None where it has no form of ours."""
    try:
        raw = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
    except ValueError:
        return None
    return UUID(bytes=raw[:16]) if len(raw) == 16 + _MAC_BYTES else None


def is_reset_token(token: str, account: Sequence[str], secrets: Sequence[str]) -> bool:
    """Whether it was made for the account as it stands, with any of the secrets."""
    reset = reset_named(token)
    if reset is None:
        return False
    made = (reset_token(secret, reset, account) for secret in secrets)
    return any(hmac.compare_digest(token.encode(), one.encode()) for one in made)


@dataclass(frozen=True, slots=True)
class Refresh:
    """What a refresh token says, once it was found to be genuine."""

    session: UUID
    generation: int


class Signer:
    """Signs with the first secret, accepts tokens signed with any (rotation of SECRET_KEY)."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._access = [derive_key(secret, "access") for secret in secrets]
        self._refresh = [derive_key(secret, "refresh") for secret in secrets]
        self._signed = [derive_key(secret, "signed refresh") for secret in secrets]

    def access(self, caller: Caller, *, now: datetime, door: Door = V1, email: str = "") -> str:
        """A JWT for this caller, valid for `door.access`. `email` is for signed doors."""
        claims = {
            "token_type": "access",
            "sub": str(caller.public_id),
            "user_id": caller.id,
            "staff": caller.is_staff,
            "sid": str(caller.session),
            "ep": caller.epoch,
            "iat": int(now.timestamp()),
            "exp": int((now + door.access).timestamp()),
        }
        if door.signed:
            claims |= _read_by_clients(caller, email)
        return jwt.encode(claims, self._access[0], algorithm="HS256")

    def read_access(self, token: str) -> tuple[Caller, float]:
        """The caller and the moment (Unix time) the token expires.

        Raises TokenExpired or TokenInvalid.
        """
        return _caller(_decoded(token, self._access, _LIVE))

    def refresh(self, session: UUID, generation: int, *, door: Door) -> str:
        """The opaque refresh token of this generation: the same text for the same arguments."""
        said = session.bytes + generation.to_bytes(4, "big")
        mac = self._mac(self._refresh[0], said, door)
        return base64.urlsafe_b64encode(said + mac).decode().rstrip("=")

    def signed_refresh(
        self, caller: Caller, issued: "Issued", *, door: Door, email: str = ""
    ) -> str:
        """A refresh token of a signed door: a JWT, another one each time."""
        claims = {
            "token_type": "refresh",
            "sub": str(caller.public_id),
            "user_id": caller.id,
            "staff": caller.is_staff,
            "sid": str(caller.session),
            "door": door.name,
            "generation": issued.generation,
            "iat": int(issued.at.timestamp()),
            "exp": int(issued.until.timestamp()),
        }
        claims |= _read_by_clients(caller, email)
        return jwt.encode(claims, self._signed[0], algorithm="HS256")

    def read_refresh(self, token: str, *, door: Door) -> Refresh:
        """What a token of this door says, of whatever age: its session knows until when it lasts.

        Raises TokenInvalid for anything that this door did not issue.
        """
        return self._read_signed(token, door) if door.signed else self._read_opaque(token, door)

    def _read_signed(self, token: str, door: Door) -> Refresh:
        claims = _decoded(token, self._signed, _OF_ANY_AGE)
        if claims.get("token_type") != "refresh" or claims.get("door") != door.name:
            raise TokenInvalid
        try:
            return Refresh(UUID(str(claims["sid"])), int(claims["generation"]))
        except (KeyError, ValueError, TypeError) as error:
            raise TokenInvalid from error

    def _read_opaque(self, token: str, door: Door) -> Refresh:
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except ValueError as error:
            raise TokenInvalid from error
        said, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        if len(said) != 20 or not self._genuine(said, mac, door):
            raise TokenInvalid
        return Refresh(UUID(bytes=said[:16]), int.from_bytes(said[16:], "big"))

    def _genuine(self, said: bytes, mac: bytes, door: Door) -> bool:
        expected = (self._mac(key, said, door) for key in self._refresh)
        return any(hmac.compare_digest(mac, one) for one in expected)

    @staticmethod
    def _mac(key: bytes, said: bytes, door: Door) -> bytes:
        return hmac.digest(key, door.name.encode() + b"\0" + said, hashlib.sha256)


@dataclass(frozen=True, slots=True)
class Issued:
    """Which refresh token of a session this is, since when and until when."""

    generation: int
    at: datetime
    until: datetime


def _read_by_clients(caller: Caller, email: str) -> dict[str, str]:
    """The claims of signed doors on top: their clients look into the tokens."""
    return {"jti": uuid4().hex, "email": email, "public_id": str(caller.public_id)}


# `iat` is the issuer's clock, which may be ahead of this one: what it says limits nothing.
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
            epoch=int(str(claims.get("ep", 0))),
        )
        return caller, float(str(claims["exp"]))
    except (KeyError, ValueError, TypeError) as error:
        raise TokenInvalid from error
