"""Access and refresh tokens: made and read here, without a database.

An access token is a JWT (RFC 7519, HS256) of five minutes. A refresh token is opaque: session
id, generation and a MAC over both, so that the same generation gives the same token each time.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import jwt

from larder.identity.caller import Caller
from larder.identity.errors import TokenExpired, TokenInvalid

ACCESS_LIFETIME = timedelta(minutes=5)
REFRESH_LIFETIME = timedelta(days=30)
_MAC_BYTES = 32


def derive_key(secret: str, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose, from the installation's secret."""
    return hmac.digest(secret.encode(), f"larder:{purpose}".encode(), hashlib.sha256)


@dataclass(frozen=True, slots=True)
class Refresh:
    """What a refresh token says, once its MAC was found right."""

    session: UUID
    generation: int


class Signer:
    """Signs with the first secret, accepts tokens signed with any (rotation of SECRET_KEY)."""

    def __init__(self, secrets: list[str]) -> None:
        self._access = [derive_key(secret, "access") for secret in secrets]
        self._refresh = [derive_key(secret, "refresh") for secret in secrets]

    def access(self, caller: Caller, *, now: datetime) -> str:
        """A JWT for this caller, valid for ACCESS_LIFETIME."""
        claims = {
            "token_type": "access",
            "sub": str(caller.public_id),
            "user_id": caller.id,
            "staff": caller.is_staff,
            "sid": str(caller.session),
            "iat": int(now.timestamp()),
            "exp": int((now + ACCESS_LIFETIME).timestamp()),
        }
        return jwt.encode(claims, self._access[0], algorithm="HS256")

    def read_access(self, token: str) -> tuple[Caller, float]:
        """The caller and the moment (Unix time) the token expires.

        Raises TokenExpired or TokenInvalid.
        """
        for key in self._access:
            try:
                return _caller(jwt.decode(token, key, algorithms=["HS256"], options=_REQUIRED))
            except jwt.InvalidSignatureError:
                continue
            except jwt.ExpiredSignatureError as error:
                raise TokenExpired from error
            except (jwt.InvalidTokenError, KeyError, ValueError, TypeError) as error:
                raise TokenInvalid from error
        raise TokenInvalid

    def refresh(self, session: UUID, generation: int, *, door: str) -> str:
        """The refresh token of this generation: the same text for the same arguments."""
        said = session.bytes + generation.to_bytes(4, "big")
        mac = self._mac(self._refresh[0], said, door)
        return base64.urlsafe_b64encode(said + mac).decode().rstrip("=")

    def read_refresh(self, token: str, *, door: str) -> Refresh:
        """Raises TokenInvalid for anything that this door did not issue."""
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except ValueError as error:
            raise TokenInvalid from error
        said, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        if len(said) != 20 or not self._genuine(said, mac, door):
            raise TokenInvalid
        return Refresh(UUID(bytes=said[:16]), int.from_bytes(said[16:], "big"))

    def _genuine(self, said: bytes, mac: bytes, door: str) -> bool:
        expected = (self._mac(key, said, door) for key in self._refresh)
        return any(hmac.compare_digest(mac, one) for one in expected)

    @staticmethod
    def _mac(key: bytes, said: bytes, door: str) -> bytes:
        return hmac.digest(key, door.encode() + b"\0" + said, hashlib.sha256)


_REQUIRED: jwt.types.Options = {"require": ["exp", "sub", "sid"]}


def _caller(claims: dict[str, object]) -> tuple[Caller, float]:
    if claims["token_type"] != "access":
        raise TokenInvalid
    caller = Caller(
        id=int(str(claims["user_id"])),
        public_id=UUID(str(claims["sub"])),
        is_staff=claims["staff"] is True,
        session=UUID(str(claims["sid"])),
    )
    return caller, float(str(claims["exp"]))
