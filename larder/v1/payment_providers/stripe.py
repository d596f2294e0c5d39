"""Events of Stripe.

Sources: "Types of events" (docs.stripe.com/api/events/types), the objects PaymentIntent, Charge,
Refund and Dispute of the same reference, and "Supported currencies" (docs.stripe.com/currencies).

- A payment is named by its PaymentIntent, or by its charge if there is none. So
  `payment_intent.succeeded`, `charge.succeeded` and `charge.captured` are one movement.
- The order is the metadata `larder_order` of the PaymentIntent, which Stripe copies to the charge.
  Refunds and disputes have separate metadata: they are found by the PaymentIntent.
- `charge.refunded` is ignored: it has a sum, not a refund. Refunds have separate events.
- Amounts of currencies of three decimals end in 0 ("Supported currencies", Three-decimal
  currencies). What is due of an order does so too (larder/core/money.py: `to_payable`), so an
  app pays exactly `amount_due`, and a refund is exactly what is due.
- A dispute with a status `warning_…` is an inquiry: no money has moved.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from larder.core.errors import Fault, InvalidInput
from larder.core.limits import MAX_PAYMENT, MAX_SHORT_TEXT_LENGTH
from larder.core.money import minor_digits, to_minor
from larder.orders.payment_state import Kind
from larder.orders.services.payments import NewPayment, Report
from larder.v1.bodies import Body, decode_if_valid
from larder.v1.payment_providers import Adapter

NAME = "stripe"
ORDER = "larder_order"
"""The key of the metadata with the id of the order."""

LAST_SECOND = 253_402_300_799
"""The last second of the year 9999."""

_USABLE_ID = re.compile(rf"[!-~]{{1,{MAX_SHORT_TEXT_LENGTH}}}")
_CURRENCY = re.compile("[A-Za-z]{3}")

_DIGITS = {"ISK": 2, "UGX": 2, "MGA": 0}
"""The currencies of which Stripe counts other minor units than ISO 4217."""

Reference = str | dict[str, Any] | None
"""A reference to another object: its id, or the object if the sender expanded it."""


class StripeObject(msgspec.Struct):
    """What the events need of a PaymentIntent, a charge, a refund or a dispute."""

    id: str
    amount: int = 0
    amount_received: int = 0
    amount_capturable: int = 0
    amount_captured: int | None = None
    captured: bool = False
    currency: str = ""
    status: str | None = None
    payment_intent: Reference = None
    charge: Reference = None
    latest_charge: Reference = None
    metadata: dict[str, Any] | None = None


class StripeData(msgspec.Struct):
    """The object that an event is about."""

    object: StripeObject


class Head(msgspec.Struct):
    """The type of an event, which decides how it is read."""

    type: str


class StripeEvent(msgspec.Struct):
    """An event about a payment."""

    created: int
    data: StripeData


Moved = tuple[Kind, str, int] | None
"""What moved, under which id, and how much in Stripe's units. None: nothing."""


def _intent(subject: StripeObject) -> str:
    """Returns the name that all movements of a payment share."""
    return _id(subject.payment_intent) or _id(subject.charge) or subject.id


def _id(reference: Reference) -> str:
    id = reference.get("id") if isinstance(reference, dict) else reference
    return id if isinstance(id, str) else ""


def _intent_succeeded(subject: StripeObject) -> Moved:
    return Kind.CAPTURED, subject.id, subject.amount_received


def _intent_authorised(subject: StripeObject) -> Moved:
    return Kind.AUTHORISED, subject.id, subject.amount_capturable


def _intent_failed(subject: StripeObject) -> Moved:
    return Kind.FAILED, _id(subject.latest_charge) or subject.id, subject.amount


def _charge_moved(subject: StripeObject) -> Moved:
    if not subject.captured:
        return Kind.AUTHORISED, _intent(subject), subject.amount
    units = subject.amount if subject.amount_captured is None else subject.amount_captured
    return Kind.CAPTURED, _intent(subject), units


def _released(subject: StripeObject) -> Moved:
    return Kind.AUTHORISATION_RELEASED, _intent(subject), subject.amount


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
    "payment_intent.succeeded": _intent_succeeded,
    "payment_intent.amount_capturable_updated": _intent_authorised,
    "payment_intent.payment_failed": _intent_failed,
    "payment_intent.canceled": _released,
    "charge.succeeded": _charge_moved,
    "charge.captured": _charge_moved,
    "charge.failed": lambda subject: (Kind.FAILED, subject.id, subject.amount),
    "charge.expired": _released,
    **dict.fromkeys(
        ("refund.created", "refund.updated", "refund.failed", "charge.refund.updated"), _refund
    ),
    **dict.fromkeys(
        ("charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.updated"),
        _dispute,
    ),
    "charge.dispute.closed": _dispute,
    "charge.dispute.funds_reinstated": lambda subject: (
        Kind.DISPUTE_WON,
        subject.id,
        subject.amount,
    ),
}


def read(raw: bytes) -> Report | None:
    """Returns what an event says; None if no money moved. Raises InvalidInput."""
    reader = _READERS.get(_decoded(raw, Head).type)
    if reader is None:
        return None
    event = _decoded(raw, StripeEvent)
    subject = event.data.object
    moved = reader(subject)
    if moved is None or not moved[2]:
        return None
    kind, transaction_id, amount = moved
    _require_usable([transaction_id, _intent(subject)], subject.currency, amount, event.created)
    sent_at = datetime.fromtimestamp(event.created, UTC)
    payment = NewPayment(
        provider=NAME,
        kind=kind,
        transaction_id=transaction_id,
        intent=_intent(subject),
        amount=_units(amount, subject.currency.upper()),
        currency=subject.currency.upper(),
        at=sent_at,
    )
    return Report(payment=payment, order=_order(subject), sent_at=sent_at)


def _require_usable(ids: Sequence[str], currency: str, amount: int, created: int) -> None:
    """Raises InvalidInput with a fault for each value that no record can have."""
    faults = []
    if not all(map(_USABLE_ID.fullmatch, ids)):
        faults.append(_fault("id", "invalid_format", "Expected ids of visible ASCII."))
    if not _CURRENCY.fullmatch(currency):
        faults.append(_fault("currency", "invalid_format", "Expected a currency such as gbp."))
    if not (1 <= amount <= MAX_PAYMENT and 1 <= _units(amount, currency.upper()) <= MAX_PAYMENT):
        faults.append(_fault("amount", "out_of_range", f"Expected units from 1 to {MAX_PAYMENT}."))
    if not 0 <= created <= LAST_SECOND:
        faults.append(Fault("/created", "out_of_range", "Expected seconds since 1970."))
    if faults:
        raise InvalidInput(faults)


def _fault(name: str, code: str, expected: str) -> Fault:
    return Fault(f"/data/object/{name}", code, expected)


def _decoded(raw: bytes, kind: type[Body]) -> Body:
    """Returns the bytes as a `kind`. Raises InvalidInput. Fields of which Larder knows nothing are
    no faults, other than in the bodies of v1, and may have any characters."""
    body = decode_if_valid(raw, kind, any_text=True)
    if body is None:
        raise InvalidInput([Fault("", "invalid_format", "Expected an event of Stripe.")])
    return body


def _units(amount: int, currency: str) -> int:
    """Returns Stripe's amount in minor units of ISO 4217."""
    digits = _DIGITS.get(currency, minor_digits(currency))
    return to_minor(Decimal(amount).scaleb(-digits), currency)


def _order(subject: StripeObject) -> UUID | None:
    """Returns the order that the object names. Raises InvalidInput if it is no id: the provider
    repeats the event, and the shop sees it, until its app names orders by their ids."""
    named = (subject.metadata or {}).get(ORDER)
    if named is None:
        return None
    try:
        return UUID(str(named))
    except ValueError as error:
        where = f"/data/object/metadata/{ORDER}"
        raise InvalidInput([Fault(where, "invalid_format", "Expected an order's id.")]) from error


STRIPE = Adapter(NAME, "Stripe-Signature", "STRIPE_WEBHOOK_SECRETS", read)
