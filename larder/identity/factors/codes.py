"""The second factor of staff: whether the shop demands it, and how its secrets and codes are made.

An authenticator app makes a new code every 30 seconds (TOTP, RFC 6238). Its secret must be read
again to check a code, so it is stored encrypted, with a key that is derived from SECRET_KEY. What
is stored belongs to its account: copied to another account's row it cannot be read.
"""

import base64
import hashlib
import hmac
import secrets as randomness
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import segno
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from larder.identity.tokens import derive_key

STEP = 30
"""Seconds for which an app shows a code."""

DRIFT = 1
"""Steps by which the clock of a phone may differ, in both directions."""

DIGITS = 6
SECRET_BYTES = 20

RECOVERY_CODES = 10

_demanded = [False]


def use(*, demanded: bool) -> None:
    """Sets whether all staff need a second factor (STAFF_SECOND_FACTOR). Called when a process
    starts, so that no reader of rights can forget it."""
    _demanded[0] = demanded


def is_demanded() -> bool:
    """Returns whether all staff need a second factor. Otherwise those need it who enrolled one."""
    return _demanded[0]


def seal(secret: bytes, owner: UUID, secrets: Sequence[str]) -> bytes:
    """Returns a secret of this account, encrypted under the first of the installation's secrets."""
    return _box(secrets).encrypt(owner.bytes + secret)


def unseal(sealed: bytes, owner: UUID, secrets: Sequence[str]) -> bytes | None:
    """Returns the secret; None if it is another account's, or was sealed under another secret."""
    try:
        text = _box(secrets).decrypt(sealed)
    except InvalidToken:
        return None
    return text[16:] if text[:16] == owner.bytes else None


def _box(secrets: Sequence[str]) -> MultiFernet:
    keys = (derive_key(secret, "second factor") for secret in secrets)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])


def new_secret() -> bytes:
    """Returns a new secret for an app."""
    return randomness.token_bytes(SECRET_BYTES)


def secret_text(secret: bytes) -> str:
    """Returns the secret as it is typed into an app: 32 letters and digits."""
    return base64.b32encode(secret).decode()


def provisioning_uri(secret: bytes, *, account: str, issuer: str) -> str:
    """Returns the `otpauth:` address that the QR code contains."""
    return _totp(secret).get_provisioning_uri(account, issuer)


def qr_code(uri: str) -> str:
    """Returns the QR code of a text, an SVG image as a `data:` address."""
    return segno.make(uri, micro=False).svg_data_uri(scale=5)


def step_of(code: str, secret: bytes, *, now: datetime) -> int | None:
    """Returns the time step of which this is the code, within DRIFT of now; None otherwise."""
    present, totp = int(now.timestamp()) // STEP, _totp(secret)
    for step in range(present - DRIFT, present + DRIFT + 1):
        if hmac.compare_digest(totp.generate(step * STEP), code.encode()):
            return step
    return None


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, DIGITS, SHA1(), STEP)  # noqa: S303  # nosec B303


def normalised(typed: str) -> str:
    """Returns a typed code without spaces and hyphens, in capital letters.

    >>> normalised(" 123 456"), normalised("abcd-efgh")
    ('123456', 'ABCDEFGH')
    """
    return "".join(typed.split()).replace("-", "").upper()


def is_app_code(code: str) -> bool:
    """Returns whether a normalised code has the form of an app's, not of a recovery code.

    >>> is_app_code("123456"), is_app_code("ABCDEFGHIJKLMNOP"), is_app_code("١٢٣٤٥٦")
    (True, False, False)
    """
    return len(code) == DIGITS and code.isascii() and code.isdigit()


def new_recovery_code() -> str:
    """Returns a code with 80 random bits: four groups of four letters and digits."""
    text = base64.b32encode(randomness.token_bytes(10)).decode()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def recovery_digest(code: str, owner: UUID) -> bytes:
    """Returns the stored hash of a normalised recovery code. It has 80 random bits, so SHA-256
    needs no salt; the account makes it useless elsewhere."""
    content = b"recovery\0" + owner.bytes + code.encode(errors="replace")
    return hashlib.sha256(content).digest()
