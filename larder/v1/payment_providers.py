"""Payment providers: how their events are verified, and how those of Stripe are read.

The signature of an event is HMAC-SHA256 over its time and its bytes. The header is
`t=<seconds>,v1=<hex>`, with a `v1` for each secret while a secret is replaced; other parts are
ignored. Source: Stripe, "Verify webhook signatures manually"
(docs.stripe.com/webhooks#verify-manually). Other senders may use the same scheme.

Sources of the events of Stripe: "Types of events" (docs.stripe.com/api/events/types), the objects
PaymentIntent, Charge, Refund and Dispute of the same reference, and "Supported currencies"
(docs.stripe.com/currencies).

- A payment is named by its PaymentIntent, or by its charge if there is none. So
  `payment_intent.succeeded`, `charge.succeeded` and `charge.captured` are one movement.
- The order is the metadata `larder_order` of the PaymentIntent, which Stripe copies to the charge.
  Refunds and disputes have separate metadata: they are found by the PaymentIntent.
- `charge.refunded` is ignored: it has a sum, not a refund. Refunds have separate events.
- Amounts of currencies of three decimals end in 0. What is due of an order does so too
  (larder/core/money.py: `to_payable`), so a refund is exactly what is due.
- A dispute with a status `warning_…` is an inquiry: no money has moved.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from larder.core.errors import Fault, Invalid, InvalidInput, Missing
from larder.core.limits import MAX_PAYMENT, MAX_SHORT_TEXT_LENGTH
from larder.core.money import minor_digits, to_minor
from larder.orders.payment_state import Kind
from larder.orders.services.payments import NewPayment
from larder.v1.bodies import decode_or_explain

TOLERANCE_SECONDS = 300
"""The difference between the time of a signature and now; Stripe's libraries have the same."""

MAX_DIGITS = 12
"""Digits of a time in seconds: a longer number is refused before it is read."""


class ProviderOff(Missing):
    """This shop accepts no events of this payment provider. It has no secret of the provider."""

    code = "provider_off"


class SignatureInvalid(Invalid):
    """The signature of the event is missing, wrong or too old."""

    code = "signature_invalid"


@dataclass(frozen=True, slots=True)
class Adapter:
    """A provider: its name in records, the header of the signature, the setting with the secrets,
    and the reader of an event. `read` returns None for one that does not concern payments of this
    shop; it raises MalformedJson and InvalidInput."""

    name: str
    header: str
    secrets: str
    read: Callable[[bytes], NewPayment | None]


def verify(header: str, raw: bytes, *, secrets: Sequence[str], now: datetime) -> None:
    """Raises SignatureInvalid unless the header has a signature of these bytes with one of the
    secrets, of a time not more than TOLERANCE_SECONDS away."""
    parts = [part.strip().partition("=") for part in header.split(",")]
    moment = next((value for name, _, value in parts if name == "t"), "")
    signatures = [value for name, _, value in parts if name == "v1"]
    if not _is_near(moment, now) or not _matches(signatures, moment.encode() + b"." + raw, secrets):
        raise SignatureInvalid


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


LAST_SECOND = 253_402_300_799
"""The last second of the year 9999."""

_DIGITS = {"ISK": 2, "UGX": 2, "MGA": 0}
"""The currencies of which Stripe counts other minor units than ISO 4217."""

StripeId = Annotated[str, Meta(pattern=rf"^[!-~]{{1,{MAX_SHORT_TEXT_LENGTH}}}\Z")]
StripeAmount = Annotated[int, Meta(ge=0, le=MAX_PAYMENT)]


class Metadata(msgspec.Struct):
    """What the shop's app wrote: the id of the order."""

    larder_order: UUID | None = None


class StripeObject(msgspec.Struct):
    """What the events need of a PaymentIntent, a charge, a refund or a dispute."""

    id: StripeId
    currency: Annotated[str, Meta(pattern=r"^[A-Za-z]{3}\Z")]
    amount: StripeAmount = 0
    amount_received: StripeAmount = 0
    amount_capturable: StripeAmount = 0
    amount_captured: StripeAmount | None = None
    captured: bool = False
    status: str | None = None
    payment_intent: StripeId | None = None
    charge: StripeId | None = None
    latest_charge: StripeId | None = None
    metadata: Metadata | None = None

    @property
    def intent(self) -> str:
        """The name that all movements of a payment share."""
        return self.payment_intent or self.charge or self.id


class StripeData(msgspec.Struct):
    """The object that an event is about."""

    object: StripeObject


class Head(msgspec.Struct):
    """The type of an event, which decides how it is read."""

    type: str


class StripeEvent(msgspec.Struct):
    """An event about a payment."""

    created: Annotated[int, Meta(ge=0, le=LAST_SECOND)]
    data: StripeData


Moved = tuple[Kind, str, int] | None
"""What moved, under which id, and how much in Stripe's units. None: nothing."""


def _moving(kind: Kind, *attributes: str) -> Callable[[StripeObject], Moved]:
    """Returns the reader of an event that moves these: the id and the amount."""
    read = attrgetter(*attributes)
    return lambda subject: (kind, *read(subject))


def _intent_failed(subject: StripeObject) -> Moved:
    return Kind.FAILED, subject.latest_charge or subject.id, subject.amount


def _charge_moved(subject: StripeObject) -> Moved:
    if not subject.captured:
        return Kind.AUTHORISED, subject.intent, subject.amount
    units = subject.amount if subject.amount_captured is None else subject.amount_captured
    return Kind.CAPTURED, subject.intent, units


def _refund(subject: StripeObject) -> Moved:
    kinds = {"succeeded": Kind.REFUNDED, "failed": Kind.REFUND_FAILED}
    kind = (kinds | {"canceled": Kind.REFUND_FAILED}).get(subject.status or "")
    return None if kind is None else (kind, subject.id, subject.amount)


def _dispute(subject: StripeObject) -> Moved:
    status = subject.status or ""
    if status.startswith("warning"):
        return None
    return Kind.DISPUTE_WON if status == "won" else Kind.DISPUTED, subject.id, subject.amount


_READERS: Mapping[str, Callable[[StripeObject], Moved]] = {
    "payment_intent.succeeded": _moving(Kind.CAPTURED, "id", "amount_received"),
    "payment_intent.amount_capturable_updated": _moving(Kind.AUTHORISED, "id", "amount_capturable"),
    "payment_intent.payment_failed": _intent_failed,
    "payment_intent.canceled": _moving(Kind.AUTHORISATION_RELEASED, "intent", "amount"),
    "charge.succeeded": _charge_moved,
    "charge.captured": _charge_moved,
    "charge.failed": _moving(Kind.FAILED, "id", "amount"),
    "charge.expired": _moving(Kind.AUTHORISATION_RELEASED, "intent", "amount"),
    **dict.fromkeys(
        ("refund.created", "refund.updated", "refund.failed", "charge.refund.updated"), _refund
    ),
    **dict.fromkeys(
        ("charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.updated"),
        _dispute,
    ),
    "charge.dispute.closed": _dispute,
    "charge.dispute.funds_reinstated": _moving(Kind.DISPUTE_WON, "id", "amount"),
}


def read(raw: bytes) -> NewPayment | None:
    """Returns what an event of Stripe says; None if no money moved. Raises InvalidInput."""
    reader = _READERS.get(decode_or_explain(raw, Head).type)
    if reader is None:
        return None
    event = decode_or_explain(raw, StripeEvent)
    subject = event.data.object
    moved = reader(subject)
    if moved is None or not moved[2]:
        return None
    kind, transaction_id, amount = moved
    currency = subject.currency.upper()
    return NewPayment(
        provider=STRIPE.name,
        kind=kind,
        transaction_id=transaction_id,
        intent=subject.intent,
        amount=_units(amount, currency),
        currency=currency,
        at=datetime.fromtimestamp(event.created, UTC),
        order=subject.metadata.larder_order if subject.metadata else None,
    )


def _units(amount: int, currency: str) -> int:
    """Returns Stripe's amount in minor units of ISO 4217. Raises InvalidInput."""
    digits = _DIGITS.get(currency, minor_digits(currency))
    units = to_minor(Decimal(amount).scaleb(-digits), currency)
    if not 1 <= units <= MAX_PAYMENT:
        detail = f"Expected units from 1 to {MAX_PAYMENT}."
        raise InvalidInput([Fault("/data/object/amount", "out_of_range", detail)])
    return units


STRIPE = Adapter("stripe", "Stripe-Signature", "STRIPE_WEBHOOK_SECRETS", read)
