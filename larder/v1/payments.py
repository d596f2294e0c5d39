"""The records of an order's payments, the refunds that are due, and events of payment providers.

Each provider has a path, and an adapter. Events in Larder's own form are for a provider without an
adapter, behind a small translator that the shop runs. Amounts are in minor units of ISO 4217,
whatever units the provider counts. What is due of an order ends in 0 in currencies of three
decimals (larder/core/currencies.py: `to_payable`), so that each provider can take it.
"""

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Annotated, Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.http import HttpRequest
from msgspec import UNSET, Meta, UnsetType

from larder.core import telemetry
from larder.core.clock import now
from larder.core.errors import DomainError, Fault, InvalidInput
from larder.core.limits import MAX_PAYMENT, MAX_SHORT_TEXT_LENGTH
from larder.db.errors import CommitUnknown
from larder.http import pagination, shop
from larder.identity.caller import Caller
from larder.orders import queries
from larder.orders.payment_state import Kind
from larder.orders.services import payments
from larder.orders.services.payments import Outcome
from larder.v1.bodies import Signed, decode_or_explain
from larder.v1.http import Answer, IdCursor, Listed, PageParameters, claim, shaped
from larder.v1.operations import CACHED, ECHOED, KEYED, Declaration
from larder.v1.order_shapes import Moment
from larder.v1.payment_providers import STRIPE, Adapter, ProviderOff, verify
from larder.v1.shapes import Actor, Id, Number, Page, Request, Short, Text, Time, Word, open_enum

operation = partial(Declaration, tag="payments")

KINDS = [kind.value for kind in Kind]
VISIBLE = "Expected visible ASCII characters."

ProviderName = Annotated[Word, Meta(examples=["cash", "transfer", "terminal", "other"])]
KindName = Annotated[
    str,
    Meta(
        pattern=rf"^({'|'.join(KINDS)})\Z",
        extra={"form": f"Expected one of: {', '.join(KINDS)}."},
        examples=KINDS,
    ),
]
TransactionId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_SHORT_TEXT_LENGTH,
        pattern=r"^[!-~]+\Z",
        description="The provider's id of the movement.",
        extra={"form": VISIBLE},
    ),
]
Intent = Annotated[
    str,
    Meta(
        max_length=MAX_SHORT_TEXT_LENGTH,
        pattern=r"^[!-~]*\Z",
        description="The provider's id that all movements of one payment share; may be empty.",
        extra={"form": VISIBLE},
    ),
]
Amount = Annotated[Number, Meta(ge=1, le=MAX_PAYMENT, description="In minor units, such as pence.")]
CurrencyCode = Annotated[
    str,
    Meta(
        pattern=r"^[A-Z]{3}\Z",
        description="ISO 4217.",
        extra={"form": "Expected three capital letters, such as GBP."},
    ),
]


class Movement(Request):
    """A movement of money."""

    kind: KindName
    amount: Amount
    currency: CurrencyCode
    transaction_id: TransactionId | UnsetType = UNSET
    intent: Intent = ""


class NewPayment(Movement, kw_only=True):
    """A movement of money to record. The same `provider`, `kind` and `transaction_id` again is the
    same record. Without a `transaction_id` staff took or gave the money themselves: the server
    makes one, and no more is refunded than is due. The customer sees `reference` and `note`."""

    provider: ProviderName
    reference: Short = ""
    note: Text = ""
    at: Annotated[Time | None, Meta(description="When it happened. Null: now.")] = None


class Payment(msgspec.Struct):
    """The record of a movement of money. Records are never changed."""

    id: Id
    provider: str
    kind: Annotated[str, open_enum("What kind of movement it is.", list(Kind))]
    transaction_id: str
    intent: str
    amount: Amount
    currency: str
    at: Time
    recorded_at: Time
    actor: Actor
    reference: str
    note: str


class PaymentPage(Page[Payment]):
    """A page of records, oldest first."""


class RefundDue(msgspec.Struct):
    """What the shop has to pay back of an order, in minor units. `order` may be an id that was
    abandoned: then there is no such order."""

    id: Id
    order: UUID
    amount: Number
    currency: str
    since: Time


class RefundPage(Page[RefundDue]):
    """A page of refunds that are due, the oldest first."""


class RefundCursor(pagination.Cursor, array_like=True, tag="refunds"):
    """The last row of a page of refunds that are due."""

    since: Moment
    id: Id


@operation(
    for_others="orders.view_order",
    answers={200: PaymentPage},
    traits=[CACHED, ECHOED],
)
def list_payments(
    caller: Caller, order: UUID, query: PageParameters, cursor: IdCursor | None
) -> Listed:
    """A page of the records of an order's payments, oldest first. Staff also see those that name an
    abandoned id."""
    records = queries.payments(order, after=cursor.id if cursor else 0, limit=query.rows)
    if not (records.rows and caller.may("orders.view_order")):
        queries.visible_order(order, caller)
    return Listed(records, partial(shaped, kind=Payment))


@operation(
    answers={200: Payment, 201: Payment},
    problems=["payment_conflict", "refund_exceeds_due", "too_many_payments"],
    permissions=[payments.RECORD],
    traits=[KEYED],
    example={"provider": "terminal", "kind": "captured", "amount": 2500, "currency": "GBP"},
)
def record_payment(request: HttpRequest, caller: Caller, order: UUID, body: NewPayment) -> Answer:
    """Staff: records a payment, a refund or a dispute of an order. A movement that is recorded
    already is answered with 200. Without a `transaction_id`, a repeat needs an `Idempotency-Key`,
    and a refund of more than is due is refused. A capture that covers a pending or expired order
    confirms it, if its units are still available."""
    if body.provider in {STRIPE.name, SIGNED.name}:
        detail = "This name is reserved for events. Expected another, such as cash or transfer."
        raise InvalidInput([Fault("/provider", "unknown_value", detail)])
    moment, by_hand = now(), body.transaction_id is UNSET
    once = claim(request, caller, msgspec.to_builtins(body)) if by_hand else None
    movement = _payment(body.provider, body, body.at or moment)
    own: dict[str, Any] = {"by_hand": by_hand, "claim": once}
    payment = replace(movement, reference=body.reference, note=body.note, **own)
    try:
        recorded = payments.record_payment(
            order, payment, caller=caller, now=moment, confirming=shop.confirming()
        )
    except CommitUnknown as unknown:
        # A repeat is recognised by its transaction, or by its key.
        unknown.is_repeatable = not by_hand or once is not None
        raise
    status = 200 if recorded.replayed and not by_hand else 201
    return Answer(shaped(queries.payment(recorded.id), Payment), recorded.replayed, status)


@operation(
    answers={200: RefundPage},
    traits=[CACHED],
    permissions=["orders.view_refunddue"],
)
def list_refunds_due(query: PageParameters, cursor: RefundCursor | None) -> Listed:
    """Staff: a page of the refunds that are due, the oldest first."""
    refunds_due = queries.refunds_due(
        after=(cursor.since, cursor.id) if cursor else None, limit=query.rows
    )
    return Listed(refunds_due, partial(shaped, kind=RefundDue))


class SignedEvent(Movement, kw_only=True):
    """A movement of money. Without `order`, `intent` names the payment that it belongs to."""

    transaction_id: TransactionId
    at: Time
    order: Annotated[UUID | None, Meta(description="Left out for a refund.")] = None


def _read_signed(raw: bytes) -> payments.NewPayment:
    """Returns what an event says. Raises MalformedJson, InvalidInput."""
    event = decode_or_explain(raw, SignedEvent)
    if event.order is None and not event.intent:
        raise InvalidInput([Fault("", "one_of", "Give order or intent.")])
    return _payment(SIGNED.name, event, event.at, event.order)


def _payment(
    provider: str, movement: Movement, at: datetime, order: UUID | None = None
) -> payments.NewPayment:
    return payments.NewPayment(
        provider=provider,
        kind=Kind(movement.kind),
        transaction_id=movement.transaction_id or payments.own_id(),
        intent=movement.intent,
        amount=movement.amount,
        currency=movement.currency,
        at=at,
        order=order,
    )


SIGNED = Adapter("signed", "Larder-Signature", "SIGNED_PAYMENT_SECRETS", _read_signed)


class Received(msgspec.Struct):
    """What became of an event. `ignored`: it does not concern a payment of this shop. `kept`: it is
    recorded, and no order has its id. `unassigned`: it is recorded, its payment is not known."""

    outcome: Annotated[str, Meta(examples=list(Outcome))]


event = operation(answers={200: Received}, token=False)


@event
def receive_stripe_event(request: HttpRequest, body: Signed) -> Received:
    """Receives an event of Stripe. Its signature replaces a token."""
    return _receive(request, STRIPE, body)


@event
def receive_signed_event(request: HttpRequest, body: Signed) -> Received:
    """Receives a movement of money in Larder's own form, signed with a secret of the shop."""
    return _receive(request, SIGNED, body)


_OUTCOMES = {"payment_conflict": "conflict", "payment_unmatched": "unmatched"}
"""What metrics count refusals as: a few words, not one for each code."""


def _receive(request: HttpRequest, adapter: Adapter, body: bytes) -> Received:
    """Verifies and records an event. A shop without a secret refuses before it reads anything."""
    secrets, moment = getattr(settings, adapter.secrets), now()
    if not secrets:
        raise ProviderOff
    outcome = Outcome.IGNORED
    try:
        verify(request.headers.get(adapter.header, ""), body, secrets=secrets, now=moment)
        if payment := adapter.read(body):
            outcome = payments.receive_payment(payment, now=moment, confirming=shop.confirming())
    except DomainError as error:
        telemetry.payments.append((adapter.name, _OUTCOMES.get(error.code, "refused")))
        raise
    telemetry.payments.append((adapter.name, outcome))
    return Received(outcome)
