"""Records payments that a provider or staff report. No request to a provider is made.

A transaction locks first the payment's intent, then the order, then inserts the record. The same
movement again is the same record. Balances and refunds due follow from all records of the order. No
payment is lost: what an order does not need, or cannot use, becomes a refund due.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from larder.core.errors import DomainError, Fault, InvalidInput, NotFound, together
from larder.core.ids import SYSTEM_ACTOR, new_id
from larder.core.money import to_payable
from larder.db import database, idempotency
from larder.db.idempotency import Claim, Scope
from larder.db.idempotency import Outcome as Recorded
from larder.identity.caller import Caller
from larder.identity.services import audit
from larder.identity.services.credentials import require_permitted
from larder.inventory.services.movements import moving_stock
from larder.orders.errors import (
    PaymentConflict,
    PaymentUnmatched,
    RefundExceedsDue,
    TooManyPayments,
)
from larder.orders.lifecycle import HELD
from larder.orders.models import Order, Payment, RefundDue
from larder.orders.payment_state import NOTHING, Balances, Kind, Record, balances, refund_due
from larder.orders.services.cart import renew_cart
from larder.orders.services.confirm_order import confirm_paid
from larder.orders.services.locks import (
    OrderChange,
    lock_order,
    order_name,
    set_refund_due,
    submit_changes,
)
from larder.orders.services.placing.placement import ABANDONED, ORDER_ID, mark_of
from larder.orders.sql import payments as payments_sql

MAX_PAYMENTS = 1_000
"""Records of payments of an order, from which on staff add none; events of providers do."""

RECORD, VIEW = "orders.record_payment", "orders.view_order"
"""The permissions with which staff record payments, and see all orders."""

KEPT_AFTER = timedelta(days=2)
"""The age from which on an event that names an unknown order is recorded. Until then it is refused,
so that the provider repeats it: Stripe repeats an event for three days."""

OWN = "staff_"
"""What the ids begin with that the shop makes for movements without one of a provider."""

CONFIRMING = frozenset({Kind.CAPTURED})
"""The kinds of records that confirm an order, unless the shop decides otherwise."""

_LATER = frozenset({Kind.REFUNDED, Kind.REFUND_FAILED, Kind.DISPUTED, Kind.DISPUTE_WON})
"""Movements that belong to an earlier payment, and may not name an order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPayment:
    """A movement of money to record. `amount` is in minor units. `intent` is the same for all
    movements of one payment, or empty. `order` is the id that an event of a provider names. One
    `by_hand` was made by staff themselves: no more is refunded than is due. Its `claim` is that of
    the request."""

    order: UUID | None = None
    provider: str
    kind: Kind
    transaction_id: str
    intent: str = ""
    amount: int
    currency: str
    at: datetime
    reference: str = ""
    note: str = ""
    by_hand: bool = False
    claim: Claim | None = None


class Outcome(StrEnum):
    """What became of an event of a provider. `KEPT`: recorded, and its order is unknown.
    `UNASSIGNED`: recorded, and it counts if its payment is recorded too."""

    RECORDED = "recorded"
    REPEATED = "repeated"
    IGNORED = "ignored"
    KEPT = "kept"
    UNASSIGNED = "unassigned"


def own_id() -> str:
    """Returns a new id of a movement."""
    return f"{OWN}{new_id().hex}"


def record_payment(
    order: UUID,
    payment: NewPayment,
    *,
    caller: Caller,
    now: datetime,
    confirming: Collection[Kind] = CONFIRMING,
) -> Recorded:
    """Records a payment of an order, or of an id that was abandoned, for a member of staff. Records
    of the kinds `confirming` confirm an order whose total they cover.

    Raises KeyReused, NotFound, PaymentConflict, Overloaded, and what `require_permitted` raises.
    Raises InvalidInput (another currency than the order's), RefundExceedsDue and TooManyPayments,
    together, of a movement that is not recorded yet.
    """

    def record() -> Recorded:
        row = _placed(order)
        if row is None and not _is_abandoned(order):
            raise NotFound
        # After the locks, because the permission may have been taken away during the wait.
        require_permitted(caller, RECORD)
        by = _Recorder(caller.public_id, now, confirming, caller.may(VIEW))
        recorded = _record(order, row, payment, by)
        if not recorded.replayed:
            audit.record(order_name(order), RECORD.partition(".")[2], after=_shown(payment))
        return recorded

    with moving_stock(by_staff=True):
        _lock(payment)
        if payment.claim is None:
            return record()
        return idempotency.once(payment.claim, lambda: record().result, now=now)


def receive_payment(
    payment: NewPayment, *, now: datetime, confirming: Collection[Kind] = CONFIRMING
) -> Outcome:
    """Records an event of a provider. Its order is the one that it names, or that of its intent.
    Records of the kinds `confirming` confirm an order whose total they cover.

    Raises PaymentConflict, Overloaded. Raises PaymentUnmatched if there is no such order yet,
    unless the event is older than KEPT_AFTER. Not TooManyPayments: no payment is lost.
    """
    by = _Recorder(SYSTEM_ACTOR, now, confirming)
    with moving_stock(by_staff=True):
        _lock(payment)
        order = payment.order or _order_of(payment)
        if order is None:
            return _record_unassigned(payment, by)
        row = _placed(order)
        is_unknown = row is None and not _is_abandoned(order)
        if is_unknown and now - payment.at < KEPT_AFTER:
            raise PaymentUnmatched
        if is_unknown:
            row = _abandon(order, now)
        recorded = _record(order, row, payment, by)
    if recorded.replayed:
        return Outcome.REPEATED
    return Outcome.KEPT if is_unknown and row is None else Outcome.RECORDED


@dataclass(frozen=True, slots=True)
class _Recorder:
    """Who records, when, which kinds of records confirm an order, and whether a refusal may name
    the order of another record."""

    actor: UUID
    now: datetime
    confirming: Collection[Kind]
    sees_orders: bool = False


def _lock(payment: NewPayment) -> None:
    """Makes transactions with the same intent wait, also if they do not know its order yet."""
    name = payment.intent or payment.transaction_id
    database.execute(payments_sql.LOCK_PAYMENT, [f"{payment.provider} {name}"])


def _placed(order: UUID) -> Order | None:
    """Locks a placed order. Locks none that is being placed: that claims its id first."""
    return lock_order(order) if Order.objects.filter(id=order).exists() else None


def _scope(order: UUID) -> Scope:
    return Scope(SYSTEM_ACTOR, ORDER_ID, str(order))


def _is_abandoned(order: UUID) -> bool:
    """Returns whether no order can have this id. Then transactions that record payments with it
    wait for each other: there is no row to lock."""
    database.execute(payments_sql.LOCK_PAYMENT, [str(order)])
    claims = idempotency.find([_scope(order)]).values()
    return any(claim.result == ABANDONED for claim in claims)


def _abandon(order: UUID, now: datetime) -> Order | None:
    """Prevents that an order is placed with an id that a payment has named for too long. A cart
    with this id gets another one. Returns the order if it was placed meanwhile."""
    claim = Claim(_scope(order), mark_of(SYSTEM_ACTOR), ABANDONED)
    if idempotency.claim([claim], now=now):
        return None
    # This waits for a transaction that places the cart. Then the order is found.
    row = lock_order(order) if renew_cart(order, now=now) is None else None
    if row is not None:
        idempotency.release([claim.scope])
    return row


def _order_of(payment: NewPayment) -> UUID | None:
    """Returns the order of the payment's intent; None if none of its records has an order."""
    if not payment.intent:
        return None
    rows = Payment.objects.filter(
        provider=payment.provider, intent=payment.intent, order__isnull=False
    )
    return rows.order_by("id").values_list("order", flat=True).first()


def _record_unassigned(payment: NewPayment, by: _Recorder) -> Outcome:
    """Records a refund or a dispute whose payment is not known: that of another system, or a late
    one, with which it counts as soon as that is recorded."""
    if payment.kind not in _LATER:
        return Outcome.IGNORED
    replayed = _record(None, None, payment, by).replayed
    return Outcome.REPEATED if replayed else Outcome.UNASSIGNED


def _record(order: UUID | None, row: Order | None, payment: NewPayment, by: _Recorder) -> Recorded:
    record = {"kind": payment.kind.value, "recorded_at": by.now, "actor": by.actor}
    values = asdict(payment) | {"order": order} | record
    ids = database.rows(payments_sql.RECORD_PAYMENT, values)
    if not ids:
        return _earlier(order, payment, by)
    if order is not None:
        rows = database.rows(payments_sql.RECORDS, {"order": order, "after": 0, "limit": None})
        records = [Record(*record) for record in rows]
        # No payment that a provider reports is lost.
        if by.actor != SYSTEM_ACTOR:
            _refuse_faulty(order, row, payment, len(records))
        sums = _recount(order, row, records, by)
    if row is not None:
        _write(row, sums.get(row.currency, NOTHING), payment, by)
        if payment.kind in by.confirming and row.status in HELD and _is_covered(row, by):
            confirm_paid(row.id, actor=by.actor, now=by.now)
    return Recorded(str(ids[0][0]), replayed=False)


def _is_covered(row: Order, by: _Recorder) -> bool:
    sums = row.payments or NOTHING
    covered = sums.secured if Kind.AUTHORISED in by.confirming else sums.held
    return covered >= to_payable(row.total, row.currency)


def _earlier(order: UUID | None, payment: NewPayment, by: _Recorder) -> Recorded:
    """Returns the record of the same movement. Raises PaymentConflict if it differs. A refund or a
    dispute without an order agrees with each order."""
    earlier = Payment.objects.get(
        provider=payment.provider, kind=payment.kind, transaction_id=payment.transaction_id
    )
    is_other = None not in (earlier.order, order) and earlier.order != order
    differs = ["order"] if is_other else []
    differs += [
        name for name in ("amount", "currency") if getattr(earlier, name) != getattr(payment, name)
    ]
    if differs:
        shown = earlier.order if is_other and by.sees_orders else None
        raise PaymentConflict(differs, earlier.amount, earlier.currency, shown)
    return Recorded(str(earlier.pk), replayed=True)


def _refuse_faulty(order: UUID, row: Order | None, payment: NewPayment, records: int) -> None:
    """Raises the refusals of a new movement, after which the order has so many `records`. What is
    due in another currency can be refunded in it."""
    refusals: list[DomainError] = []
    due = 0
    if payment.kind is Kind.REFUNDED:
        rows = RefundDue.objects.filter(order=order, currency=payment.currency)
        due = rows.values_list("amount", flat=True).first() or 0
    if row is not None and row.currency != payment.currency and not due:
        detail = f"Expected {row.currency}, the currency of the order."
        refusals.append(InvalidInput([Fault("/currency", "unknown_value", detail)]))
    if payment.by_hand and payment.kind is Kind.REFUNDED and payment.amount > due:
        refusals.append(RefundExceedsDue(due, payment.currency))
    if records > MAX_PAYMENTS:
        refusals.append(TooManyPayments(MAX_PAYMENTS))
    if refusals:
        raise together(refusals)


def _recount(
    order: UUID, row: Order | None, records: Sequence[Record], by: _Recorder
) -> dict[str, Balances]:
    """Returns the sums of the order's records by currency. Writes the refunds that are due in
    currencies that are not the order's."""
    sums = {
        currency: balances([record for record in records if record.currency == currency])
        for currency in {record.currency for record in records}
    }
    for currency, held in sums.items():
        if row is None or currency != row.currency:
            set_refund_due(order, currency, refund_due(held, 0), now=by.now)
    return sums


def _write(row: Order, sums: Balances, payment: NewPayment, by: _Recorder) -> None:
    shown = _shown(payment)
    if payment.reference:
        shown["reference"] = payment.reference
    change = OrderChange(
        order=row,
        type="payment",
        status=row.status,
        actor=by.actor,
        data={"payment": shown},
        details=asdict(sums),
    )
    submit_changes([change], now=by.now)()


def tell_refunds(*, limit: int) -> list[tuple[UUID, str, bool, int | None]]:
    """Returns up to `limit` refunds whose amount is not the one that was told last, and notes it as
    told: the order, the currency, whether it is more, and the customer; None of an abandoned id.
    Must run within a transaction, which tells them."""
    return database.rows(payments_sql.TELL_REFUNDS, [limit])


def _shown(payment: NewPayment) -> dict[str, Any]:
    """Returns what events and the audit trail say of a record."""
    names = ("provider", "kind", "transaction_id", "amount", "currency")
    return {name: getattr(payment, name) for name in names}
