"""An authenticator in software, with the browser around it: passkeys with ES256."""

import hashlib
import json
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2 import cbor

from larder.identity import factors
from larder.identity.factors import Answer, new_challenge
from larder.identity.queries import credentials
from larder.identity.services import second_factors
from larder.identity.services.second_factors import Enrolled
from tests.conftest import Person
from tests.identity.factors import account_of

ORIGIN = "https://shop.example"
PRESENT, VERIFIED, HAS_CREDENTIAL = 0x01, 0x04, 0x40


def encoded(data: bytes) -> str:
    """Base64url without padding, as WebAuthn's JSON has bytes."""
    return urlsafe_b64encode(data).decode().rstrip("=")


@dataclass
class Authenticator:
    """One passkey. `origin` and `host` are those of the page that the browser shows."""

    origin: str = ORIGIN
    host: str = "shop.example"
    counter: int = 0
    counts: bool = True
    algorithm: int = -7
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def create(self, challenge: bytes) -> str:
        """Returns the answer to `navigator.credentials.create`."""
        numbers = self.key.public_key().public_numbers()
        x, y = (number.to_bytes(32, "big") for number in (numbers.x, numbers.y))
        public = cbor.encode({1: 2, 3: self.algorithm, -1: 1, -2: x, -3: y})
        credential = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + public
        data = self._data(PRESENT | VERIFIED | HAS_CREDENTIAL) + credential
        attestation = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client_data("webauthn.create", challenge)
        return self._answer(clientDataJSON=client, attestationObject=attestation)

    def get(self, challenge: bytes, flags: int = PRESENT) -> str:
        """Returns the answer to `navigator.credentials.get`."""
        self.counter += self.counts
        data, client = self._data(flags), self._client_data("webauthn.get", challenge)
        signed = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        return self._answer(clientDataJSON=client, authenticatorData=data, signature=signed)

    def _data(self, flags: int) -> bytes:
        place = hashlib.sha256(self.host.encode()).digest()
        return place + bytes([flags]) + self.counter.to_bytes(4, "big")

    def _client_data(self, kind: str, challenge: bytes) -> bytes:
        said = {"type": kind, "challenge": encoded(challenge), "origin": self.origin}
        return json.dumps(said).encode()

    def _answer(self, **parts: bytes) -> str:
        response: dict[str, Any] = {name: encoded(data) for name, data in parts.items()}
        sent = {"id": encoded(self.id), "rawId": encoded(self.id), "type": "public-key"}
        return json.dumps({**sent, "response": response, "clientExtensionResults": {}})


def enrol_passkey(
    who: Person, device: Authenticator, now: datetime, proven: UUID | None = None
) -> Enrolled:
    """Enrols the passkey of a device for a person."""
    challenge = new_challenge()
    answer = Answer(ORIGIN, challenge, device.create(challenge))
    account = account_of(who, proven=proven)
    return second_factors.enrol_passkey(account, answer, "Key ring", now=now)


def prove_with(who: Person, device: Authenticator, now: datetime) -> UUID:
    """Proves a passkey as the owner of the account does."""
    challenge = new_challenge()
    factors.request_options(ORIGIN, challenge, credentials.passkeys(who.id))
    answer = Answer(ORIGIN, challenge, device.get(challenge))
    return second_factors.prove_passkey(account_of(who), answer, now=now)
