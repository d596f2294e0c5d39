"""The second factors of staff: codes of an app, recovery codes, passkeys. No database.

An authenticator app makes a new code every 30 seconds (TOTP, RFC 6238). Its secret must be read
again to check a code, so it is stored encrypted, with a key that is derived from SECRET_KEY. What
is stored belongs to its account: copied to another account's row it cannot be read.

A passkey (WebAuthn) signs a random challenge and the origin of the page. The browser writes the
origin, so what a page that imitates the admin receives is refused here. The caller keeps the
challenge, and removes it before its answer is checked: an answer counts once. What is stored of a
passkey is public: the id of the credential, and the key that checks signatures.
"""

import base64
import hashlib
import hmac
import json
import secrets as randomness
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import segno
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from fido2.server import Fido2Server
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AttestationConveyancePreference,
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from larder.identity.errors import SecondFactorWrong
from larder.identity.tokens import derive_key

MAX_PASSKEY_LENGTH = 20_000
"""The answer of a browser for a passkey, JSON in a hidden field, with certificates."""

STEP = 30
"""Seconds for which an app shows a code."""

DRIFT = 1
"""Steps by which the clock of a phone may differ, in both directions."""

DIGITS = 6
SECRET_BYTES = 20

RECOVERY_CODES = 10

_demanded = [False]


def use(*, demanded: bool) -> None:
    """Sets whether all staff need a second factor. Called when a process starts."""
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


def offered(secret: bytes, *, account: str, issuer: str) -> tuple[str, str]:
    """Returns the secret as it is typed into an app, 32 letters and digits, and the QR code of its
    `otpauth:` address, an SVG image as a `data:` address."""
    uri = _totp(secret).get_provisioning_uri(account, issuer)
    image = segno.make(uri, micro=False).svg_data_uri(scale=5)
    return base64.b32encode(secret).decode(), image


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


ALGORITHMS = (-7, -8, -257)
"""ES256, EdDSA and RS256, by their numbers in COSE: each authenticator has one of them."""

_DEFAULT_PORTS = {"https": 443, "http": 80}


def origin_of(address: str) -> str | None:
    """Returns the origin of an absolute URL, on whose pages passkeys are used: its host is the
    relying party's id. None if browsers offer no passkeys there: without https, except at
    localhost, and where the host is an IP address.

    >>> origin_of("https://Shop.example:443/admin/"), origin_of("http://localhost:8000")
    ('https://shop.example', 'http://localhost:8000')
    >>> origin_of("http://shop.example"), origin_of("https://192.0.2.1"), origin_of("")
    (None, None, None)
    """
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port
    is_secure = parts.scheme == "https" or (parts.scheme == "http" and host == "localhost")
    if not host or not is_secure or _is_number(host):
        return None
    place = host if port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{host}:{port}"
    return f"{parts.scheme}://{place}"


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Answer:
    """What a browser sent for a challenge, as JSON. `challenge` is None if none was kept."""

    origin: str
    challenge: bytes | None
    text: str


def new_challenge() -> bytes:
    """Returns random bytes for a passkey to sign."""
    return randomness.token_bytes(32)


def creation_options(
    origin: str, challenge: bytes, handle: UUID, name: str, known: Sequence[bytes]
) -> dict[str, Any]:
    """Returns the options of `navigator.credentials.create`, as JSON. An authenticator with one of
    the `known` passkeys makes no other."""
    options, _ = _server(origin).register_begin(
        PublicKeyCredentialUserEntity(id=handle.bytes, name=name, display_name=name),
        [AttestedCredentialData(data) for data in known],
        resident_key_requirement=ResidentKeyRequirement.PREFERRED,
        user_verification=UserVerificationRequirement.PREFERRED,
        challenge=challenge,
    )
    return dict(dict(options)["publicKey"])


def request_options(origin: str, challenge: bytes, known: Sequence[bytes]) -> dict[str, Any]:
    """Returns the options of `navigator.credentials.get`, as JSON."""
    options, _ = _server(origin).authenticate_begin(
        [AttestedCredentialData(data) for data in known],
        user_verification=UserVerificationRequirement.PREFERRED,
        challenge=challenge,
    )
    return dict(dict(options)["publicKey"])


def _server(origin: str) -> Fido2Server:
    host = urlsplit(origin).hostname or ""
    server = Fido2Server(
        PublicKeyCredentialRpEntity(name=host, id=host),
        attestation=AttestationConveyancePreference.NONE,
        verify_origin=lambda sent: sent == origin,
    )
    offered = [algorithm for algorithm in server.allowed_algorithms if algorithm.alg in ALGORITHMS]
    server.allowed_algorithms = offered
    return server


def created(answer: Answer) -> tuple[bytes, int]:
    """Returns what is stored of a new passkey, and its counter of signatures.

    Raises SecondFactorWrong (another site or challenge, or an answer that is none).
    """
    with _refusing_faulty(answer) as sent:
        registered = _server(answer.origin).register_complete(_state(answer), sent)
        credential = registered.credential_data
        if credential is None or credential.public_key.ALGORITHM not in ALGORITHMS:
            raise SecondFactorWrong
        return bytes(credential), registered.counter


def proven(answer: Answer, known: Mapping[UUID, bytes]) -> tuple[UUID, int]:
    """Returns which of these passkeys has signed the answer, and its counter of signatures, which
    the caller compares with the stored one. Raises as `created` does, and SecondFactorWrong for any
    other passkey."""
    with _refusing_faulty(answer) as sent:
        credentials = {id: AttestedCredentialData(data) for id, data in known.items()}
        signed = _server(answer.origin).authenticate_complete(
            _state(answer), [*credentials.values()], sent
        )
        response = AuthenticationResponse.from_dict(sent).response
        factor = next(id for id, credential in credentials.items() if credential == signed)
        return factor, response.authenticator_data.counter


def _state(answer: Answer) -> dict[str, Any]:
    return {
        "challenge": websafe_encode(answer.challenge or b""),
        "user_verification": UserVerificationRequirement.PREFERRED,
    }


@contextmanager
def _refusing_faulty(answer: Answer) -> Iterator[Any]:
    """Yields what the browser sent. Raises SecondFactorWrong for any error of the block: the
    library meets malformed bytes with errors of many kinds. Nothing but the answer and the stored
    keys is read there."""
    if answer.challenge is None or len(answer.text) > MAX_PASSKEY_LENGTH:
        raise SecondFactorWrong
    try:
        yield json.loads(answer.text)
    except Exception as fault:
        raise SecondFactorWrong from fault
