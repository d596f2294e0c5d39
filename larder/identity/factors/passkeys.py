"""Passkeys (WebAuthn) as second factors: options for the browser, and the check of its answer.

A passkey signs a random challenge and the origin of the page. The browser writes the origin, so
what a page that imitates the admin receives is refused here. The caller keeps the challenge, and
removes it before its answer is checked: an answer counts once.

What is stored of a passkey is public: the id of the credential, and the key that checks signatures.
"""

import json
import secrets as randomness
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

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

from larder.core.limits import MAX_PASSKEY_LENGTH
from larder.identity.errors import SecondFactorWrong

ALGORITHMS = (-7, -8, -257)
"""ES256, EdDSA and RS256, by their numbers in COSE: each authenticator has one of them."""

_DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Site:
    """The origin of the pages on which passkeys are used, and its host: the relying party's id."""

    origin: str
    host: str


def site_at(address: str) -> Site | None:
    """Returns the site of an absolute URL. None if browsers offer no passkeys there: without https,
    except at localhost, and where the host is an IP address.

    >>> site_at("https://Shop.example:443/admin/"), site_at("http://localhost:8000").host
    (Site(origin='https://shop.example', host='shop.example'), 'localhost')
    >>> site_at("http://shop.example"), site_at("https://192.0.2.1"), site_at("")
    (None, None, None)
    """
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port
    is_secure = parts.scheme == "https" or (parts.scheme == "http" and host == "localhost")
    if not host or not is_secure or _is_number(host):
        return None
    place = host if port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{host}:{port}"
    return Site(f"{parts.scheme}://{place}", host)


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Answer:
    """What a browser sent for a challenge, as JSON. `challenge` is None if none was kept."""

    site: Site
    challenge: bytes | None
    text: str


def new_challenge() -> bytes:
    """Returns random bytes for a passkey to sign."""
    return randomness.token_bytes(32)


@dataclass(frozen=True, slots=True)
class User:
    """Whose passkey is made. The authenticator stores these."""

    handle: UUID
    name: str


def creation_options(
    site: Site, challenge: bytes, user: User, known: Sequence[bytes]
) -> dict[str, Any]:
    """Returns the options of `navigator.credentials.create`, as JSON. `known` are the passkeys that
    the account has: an authenticator with one of them makes no other."""
    options, _ = _server(site).register_begin(
        PublicKeyCredentialUserEntity(id=user.handle.bytes, name=user.name, display_name=user.name),
        [AttestedCredentialData(data) for data in known],
        resident_key_requirement=ResidentKeyRequirement.PREFERRED,
        user_verification=UserVerificationRequirement.PREFERRED,
        challenge=challenge,
    )
    return dict(dict(options)["publicKey"])


def request_options(site: Site, challenge: bytes, known: Sequence[bytes]) -> dict[str, Any]:
    """Returns the options of `navigator.credentials.get`, as JSON."""
    options, _ = _server(site).authenticate_begin(
        [AttestedCredentialData(data) for data in known],
        user_verification=UserVerificationRequirement.PREFERRED,
        challenge=challenge,
    )
    return dict(dict(options)["publicKey"])


def _server(site: Site) -> Fido2Server:
    server = Fido2Server(
        PublicKeyCredentialRpEntity(name=site.host, id=site.host),
        attestation=AttestationConveyancePreference.NONE,
        verify_origin=lambda origin: origin == site.origin,
    )
    offered = [algorithm for algorithm in server.allowed_algorithms if algorithm.alg in ALGORITHMS]
    server.allowed_algorithms = offered
    return server


def created(answer: Answer) -> tuple[bytes, int]:
    """Returns what is stored of a new passkey, and its counter of signatures.

    Raises SecondFactorWrong (another site or challenge, or an answer that is none).
    """
    with _refusing_faulty(answer) as sent:
        registered = _server(answer.site).register_complete(_state(answer), sent)
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
        signed = _server(answer.site).authenticate_complete(
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
