"""Events of payment providers: each provider has a path, and an adapter in payment_providers."""

from typing import Annotated

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from msgspec import Meta

from larder.core import telemetry
from larder.core.clock import now
from larder.core.errors import DomainError
from larder.http import shop
from larder.orders.services import payments
from larder.orders.services.payments import Outcome
from larder.v1.bodies import Signed
from larder.v1.http import reply
from larder.v1.operations import operation
from larder.v1.payment_providers import Adapter, ProviderOff
from larder.v1.payment_providers.signature import verify
from larder.v1.payment_providers.signed import SIGNED
from larder.v1.payment_providers.stripe import STRIPE
from larder.v1.payments import outcome_of


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
