"""The signature of an event: HMAC-SHA256 over its time and its bytes.

The header is `t=<seconds>,v1=<hex>`, with a `v1` for each secret while a secret is replaced; other
parts are ignored. Source: Stripe, "Verify webhook signatures manually"
(docs.stripe.com/webhooks#verify-manually). Other senders may use the same scheme.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from larder.v1.payment_providers import SignatureInvalid

TOLERANCE_SECONDS = 300
"""The difference between the time of a signature and now; Stripe's libraries have the same."""

MAX_DIGITS = 12
"""Digits of a time in seconds: a longer number is refused before it is read."""


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


def _matches(given: Sequence[str], signed: bytes, secrets: Sequence[str]) -> bool:
    """Compares in constant time, with every secret."""
    expected = [_digest(signed, secret) for secret in secrets]
    return any(
        hmac.compare_digest(signature.encode(), digest.encode())
        for signature in given
        for digest in expected
    )


def _digest(signed: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
