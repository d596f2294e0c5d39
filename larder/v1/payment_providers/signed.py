"""Events in Larder's own form: the body of `POST orders/{order}/payments` with its order, signed.

For a provider without an adapter, behind a small translator that the shop runs. Amounts are in
minor units of ISO 4217, whatever units the provider counts. What is due of an order ends in 0 in
currencies of three decimals (larder/core/currencies.py: `to_payable`), so that each provider can
take it.
"""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from larder.core.errors import Fault, InvalidInput
from larder.orders.payment_state import Kind
from larder.orders.services.payments import NewPayment, Report
from larder.v1.bodies import decode_or_explain
from larder.v1.payment_providers import Adapter
from larder.v1.payment_shapes import Amount, CurrencyCode, Intent, KindName, TransactionId
from larder.v1.shapes import Request, Time

NAME = "signed"

OrderId = Annotated[UUID | None, Meta(description="The id of the order; left out for a refund.")]


class SignedEvent(Request):
    """A movement of money. Without `order`, `intent` names the payment that it belongs to."""

    kind: KindName
    transaction_id: TransactionId
    amount: Amount
    currency: CurrencyCode
    at: Time
    order: OrderId = None
    intent: Intent = ""


def read(raw: bytes) -> Report:
    """Returns what an event says. Raises MalformedJson, InvalidInput."""
    event = decode_or_explain(raw, SignedEvent)
    if event.order is None and not event.intent:
        raise InvalidInput([Fault("", "one_of", "Give order or intent.")])
    payment = NewPayment(
        provider=NAME,
        kind=Kind(event.kind),
        transaction_id=event.transaction_id,
        intent=event.intent,
        amount=event.amount,
        currency=event.currency,
        at=event.at,
    )
    return Report(payment=payment, order=event.order, sent_at=event.at)


SIGNED = Adapter(NAME, "Larder-Signature", "SIGNED_PAYMENT_SECRETS", read)
