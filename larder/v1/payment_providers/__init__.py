"""Payment providers: how the events of each are verified and read.

A provider is one file with an `Adapter`. Its `read` is pure: it gets the bytes of an event whose
signature was checked, and returns what the event says, or None if it does not concern payments of
this shop.

The signature of an event is HMAC-SHA256 over its time and its bytes. The header is
`t=<seconds>,v1=<hex>`, with a `v1` for each secret while a secret is replaced; other parts are
ignored. Source: Stripe, "Verify webhook signatures manually"
(docs.stripe.com/webhooks#verify-manually). Other senders may use the same scheme.
"""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from larder.core.errors import DomainError, Invalid, Missing
from larder.orders.services.payments import Report

TOLERANCE_SECONDS = 300
"""The difference between the time of a signature and now; Stripe's libraries have the same."""

MAX_DIGITS = 12
"""Digits of a time in seconds: a longer number is refused before it is read."""

RESERVED = frozenset({"stripe", "signed"})
"""The names of providers in the records of their events."""


class ProviderOff(Missing):
    """This shop accepts no events of this payment provider. It has no secret of the provider."""

    code = "provider_off"


class SignatureInvalid(Invalid):
    """The signature of the event is missing, wrong or too old."""

    code = "signature_invalid"


@dataclass(frozen=True, slots=True)
class Adapter:
    """A provider: its name in records, the header of the signature, the setting with the secrets,
    and the reader of an event. `read` raises MalformedJson and InvalidInput."""

    name: str
    header: str
    secrets: str
    read: Callable[[bytes], Report | None]


def verify(header: str, raw: bytes, *, secrets: Sequence[str], now: datetime) -> None:
    """Raises SignatureInvalid unless the header has a signature of these bytes with one of the
    secrets, of a time not more than TOLERANCE_SECONDS away."""
    parts = [part.strip().partition("=") for part in header.split(",")]
    moment = next((value for name, _, value in parts if name == "t"), "")
    signatures = [value for name, _, value in parts if name == "v1"]
    if not _is_near(moment, now) or not _matches(signatures, moment.encode() + b"." + raw, secrets):
        raise SignatureInvalid


def sign(raw: bytes, *, secret: str, at: datetime) -> str:
    """Returns the header of an event that is sent at this time."""
    moment = f"{int(at.timestamp())}"
    return f"t={moment},v1={_digest(moment.encode() + b'.' + raw, secret)}"


def _is_near(moment: str, now: datetime) -> bool:
    is_time = moment.isascii() and moment.isdigit() and len(moment) <= MAX_DIGITS
    return is_time and abs(now.timestamp() - int(moment)) <= TOLERANCE_SECONDS


def _matches(signatures: Sequence[str], signed: bytes, secrets: Sequence[str]) -> bool:
    """Compares in constant time, with every secret."""
    expected = [_digest(signed, secret) for secret in secrets]
    return any(
        hmac.compare_digest(signature.encode(), digest.encode())
        for signature in signatures
        for digest in expected
    )


def _digest(signed: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def outcome_of(error: DomainError) -> str:
    """Returns what metrics count a refusal as: a few words, not one for each code."""
    outcomes = {"payment_conflict": "conflict", "payment_unmatched": "unmatched"}
    return outcomes.get(error.code, "refused")
