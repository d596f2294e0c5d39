"""Events of payment providers: each provider has a path, and an adapter.

Events in Larder's own form are for a provider without an adapter, behind a small translator that
the shop runs. Amounts are in minor units of ISO 4217, whatever units the provider counts. What is
due of an order ends in 0 in currencies of three decimals (larder/core/money.py: `to_payable`),
so that each provider can take it.
"""

from typing import Annotated
from uuid import UUID

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from msgspec import Meta

from larder.core import telemetry
from larder.core.clock import now
from larder.core.errors import DomainError, Fault, InvalidInput
from larder.http import shop
from larder.orders.payment_state import Kind
from larder.orders.services import payments
from larder.orders.services.payments import NewPayment, Outcome, Report
from larder.v1.bodies import Signed, decode_or_explain
from larder.v1.http import reply
from larder.v1.operations import operation
from larder.v1.payment_providers import Adapter, ProviderOff, outcome_of, verify
from larder.v1.payment_providers.stripe import STRIPE
from larder.v1.payments import Movement
from larder.v1.shapes import Time


class SignedEvent(Movement, kw_only=True):
    """A movement of money. Without `order`, `intent` names the payment that it belongs to."""

    at: Time
    order: Annotated[UUID | None, Meta(description="Left out for a refund.")] = None


def _read_signed(raw: bytes) -> Report:
    """Returns what an event says. Raises MalformedJson, InvalidInput."""
    event = decode_or_explain(raw, SignedEvent)
    if event.order is None and not event.intent:
        raise InvalidInput([Fault("", "one_of", "Give order or intent.")])
    payment = NewPayment(
        provider=SIGNED.name,
        kind=Kind(event.kind),
        transaction_id=event.transaction_id,
        intent=event.intent,
        amount=event.amount,
        currency=event.currency,
        at=event.at,
    )
    return Report(payment=payment, order=event.order, sent_at=event.at)


SIGNED = Adapter("signed", "Larder-Signature", "SIGNED_PAYMENT_SECRETS", _read_signed)


class Received(msgspec.Struct):
    """What became of an event. `ignored`: it does not concern a payment of this shop. `kept`: it is
    recorded, and no order has its id. `unassigned`: it is recorded, its payment is not known."""

    outcome: Annotated[str, Meta(examples=list(Outcome))]


event = operation(answers={200: Received}, token=False, is_signed=True)


@event
def receive_stripe_event(request: HttpRequest, body: Signed) -> HttpResponse:
    """Receives an event of Stripe. Its signature replaces a token."""
    return _receive(request, STRIPE, body)


@event
def receive_signed_event(request: HttpRequest, body: Signed) -> HttpResponse:
    """Receives a movement of money in Larder's own form, signed with a secret of the shop."""
    return _receive(request, SIGNED, body)


def _receive(request: HttpRequest, adapter: Adapter, body: bytes) -> HttpResponse:
    """Verifies and records an event. A shop without a secret refuses before it reads anything."""
    secrets = getattr(settings, adapter.secrets)
    if not secrets:
        raise ProviderOff
    try:
        outcome = _recorded(request, adapter, body, secrets)
    except DomainError as error:
        telemetry.payments.append((adapter.name, outcome_of(error)))
        raise
    telemetry.payments.append((adapter.name, outcome))
    return reply(Received(outcome))


def _recorded(request: HttpRequest, adapter: Adapter, body: bytes, secrets: list[str]) -> Outcome:
    moment = now()
    verify(request.headers.get(adapter.header, ""), body, secrets=secrets, now=moment)
    report = adapter.read(body)
    if report is None:
        return Outcome.IGNORED
    return payments.receive_payment(report, now=moment, confirming=shop.confirming())
