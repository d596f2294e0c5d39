"""Places a batch of one or more orders in one transaction.

The steps, in an order in which all data is locked before it is used for a decision: claim ids and
keys, lock the carts to place, take what the customers may order, lock the stock rows, read
prices and rules, decide in memory, write.
A refused order gives its claims back, and does not affect the other orders.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from django.db import transaction

from larder.catalog import queries as catalog
from larder.catalog.prices import prices_for
from larder.core import telemetry
from larder.core.currencies import to_payable
from larder.core.errors import DomainError
from larder.db import database
from larder.db.postgresql.errors import CommitUnknown
from larder.identity import queries as identity
from larder.identity.queries import ordering_refusal
from larder.identity.services import quotas
from larder.identity.services.credentials import require_permitted
from larder.identity.services.quotas import Remaining
from larder.inventory.services import holds
from larder.inventory.services import movements as inventory
from larder.orders.decision import CountedOrders, Market, PricedLine, decide
from larder.orders.services.locks import submit_unpaid
from larder.orders.services.placing.claims import (
    answer_unknown,
    claim,
    lock_carts,
    resolve_commit,
    separate_repeats,
    settle_claims,
)
from larder.orders.services.placing.placement import (
    Accepted,
    Answers,
    NewOrder,
    Terms,
    Written,
    hold_of,
    left,
)
from larder.orders.services.placing.write_orders import move_stock, placed, write_orders
from larder.orders.sql import writes


class Later(Exception):
    """Another order of the batch has the same key, id or cart. The order was not decided."""


class Skipped(Exception):
    """Another transaction has locked the stock of these products. The order was not decided."""

    def __init__(self, products: Set[int]) -> None:
        super().__init__(products)
        self.products = products


Take = Callable[[], Sequence[NewOrder]]
"""Returns the orders to place. Called in the transaction, when it is the turn of the batch."""


def place_batch(
    take: Take,
    *,
    terms: Terms,
    lock_wait: float,
    first: Collection[int] = (),
    in_turn: bool = False,
) -> Answers:
    """Places a batch. Returns the answer to each of its orders; a refused order does not affect
    others.

    The transaction waits for each lock for `lock_wait` seconds. It does not wait for stock: the
    answer to an order of stock that another transaction has locked is Skipped. Only for that of the
    products `first` it waits, before it has any other lock. With `in_turn`, the batches of all
    processes and servers run one after the other.

    The answer to an order that has the key, id or cart of another one is Later. The error of a
    failed transaction is the answer of its orders; one that comes before they are taken is raised.

    Refusals: UnknownProducts, InsufficientStock, PriceChanged, OrderRule, OrderTooSmall,
    KeyReused, NotFound (the customer does not exist, or the id or cart belongs to another),
    OrderingNotAllowed, SessionEnded (the customer's own account was deactivated), QuotaExceeded,
    UnpaidLimitExceeded; for orders of staff what `require_permitted` raises; for carts also
    AlreadySubmitted, CartEmpty, StaleVersion, CartChanged; for an abandoned id, key or cart
    OrderAbandoned. The lines of a refused cart are named by ascending line id.
    """
    batch: Sequence[NewOrder] = ()
    later: Sequence[NewOrder] = ()
    outcome = _Outcome()
    span = telemetry.tracing.span("place orders")
    try:
        with span, transaction.atomic(durable=True), database.pipeline():
            database.limit_lock_wait(lock_wait)
            if first:
                inventory.lock_only(first)
            if in_turn:
                database.rows(writes.TURN)
            batch, later = separate_repeats(take())
            if batch:
                outcome = _place(batch, terms)
    except Exception as error:
        if not batch:
            raise
        answers = _answers_to_failure(batch, outcome, error, terms)
    else:
        answers = _answers(outcome, terms)
    return {**answers, **{order: Later() for order in later}}


class _Outcome(NamedTuple):
    """What the statements of a transaction did: the orders that they wrote, what each left of its
    customer's quota, and the answers to the others."""

    written: Sequence[Written] = ()
    remaining: Mapping[NewOrder, Remaining] = {}
    answers: Answers = {}


def _answers(outcome: _Outcome, terms: Terms) -> Answers:
    answers = dict(outcome.answers)
    for written in outcome.written:
        order = written.accepted.order
        answers[order] = placed(written, terms.currency, outcome.remaining.get(order))
    return answers


def _answers_to_failure(
    batch: Sequence[NewOrder], outcome: _Outcome, failure: Exception, terms: Terms
) -> Answers:
    """Returns the answers to the orders of a transaction that ended with this failure."""
    if not isinstance(failure, CommitUnknown):
        return dict.fromkeys(batch, failure)
    lost = resolve_commit(outcome.written, failure)
    if lost is None:
        return _answers(outcome, terms)
    if isinstance(lost, CommitUnknown):
        return answer_unknown(batch, outcome.written, lost)
    return dict.fromkeys(batch, lost)


def _place(batch: Sequence[NewOrder], terms: Terms) -> _Outcome:
    """Claims ids and keys, locks carts, places what is not answered, and settles the claims. The
    time is that of the latest order: repeats are recognised by their content."""
    now = max(order.now for order in batch)
    earlier, answers = claim(batch, now=now)
    written: Sequence[Written] = ()
    remaining: Mapping[NewOrder, Remaining] = {}
    waiting = left(batch, answers)
    if waiting:
        reading = identity.submit_standing({order.placement.customer for order in waiting})
        if any(order.placement.cart is not None for order in waiting):
            # A customer who may not order is told that, whatever the cart is.
            standing = reading()
            reading = partial(dict, standing)
            answers |= _refused_customers(waiting, standing)
            answers |= lock_carts(left(waiting, answers))
            waiting = left(waiting, answers)
    if waiting:
        accepted, refusals, before = _decide_under_locks(waiting, reading, terms, now)
        answers |= refusals
        written = write_orders(accepted, currency=terms.currency, now=now)
        remaining = _give_back(waiting, accepted, before)
    settle_claims(batch, written, earlier)
    return _Outcome(written, remaining, answers)


_Standing = Mapping[int, identity.Standing]


def _refused_customers(
    orders: Sequence[NewOrder], standing: _Standing
) -> dict[NewOrder, DomainError]:
    """Returns the refusals of orders of customers who may not order."""
    refusals = {
        order: ordering_refusal(standing.get(order.placement.customer), actor=order.placement.actor)
        for order in orders
    }
    return {order: refusal for order, refusal in refusals.items() if refusal is not None}


def _decide_under_locks(
    orders: Sequence[NewOrder], standing: Callable[[], _Standing], terms: Terms, now: datetime
) -> tuple[list[Accepted], dict[NewOrder, Exception], Mapping[int, Remaining]]:
    """Takes a unit of its customer's quota for each order, and locks the stock. Reads under the
    locks, decides, and moves the stock of what is accepted. Returns what was accepted, the answers
    to the others, and what each customer had of the quota."""
    counts = _own_orders(orders)
    taking = quotas.submit_take("orders", counts)
    summing = submit_unpaid(counts, terms.unpaid_units, now)
    lines = {order: order.lines for order in orders}
    products = {line.product for wanted in lines.values() for line in wanted}
    locking = inventory.submit_lock(products, skip_locked=True)
    offered = catalog.submit_offers(products)
    is_held = any(hold_of(order.placement, terms) for order in orders)
    clock = holds.submit_clock() if is_held else None
    answers: dict[NewOrder, Exception] = {**_refused_customers(orders, standing())}
    balances, offers = locking(), offered()
    # Stock that is not locked but offered is locked by another transaction, or new since then.
    unlocked = offers.keys() - balances.keys()
    for order in left(orders, answers) if unlocked else ():
        if skipped := unlocked & {line.product for line in lines[order]}:
            answers[order] = Skipped(skipped)
    answers |= _refused_staff(left(orders, answers))
    deciding, before = left(orders, answers), taking()
    prices = [
        prices_for(
            order.placement.customer,
            [offers[id] for id in {line.product for line in lines[order]} if id in offers],
        )
        for order in deciding
    ]
    available = {product: balance.available for product, balance in balances.items()}
    customers = [order.placement.customer if _is_own(order) else None for order in deciding]
    decisions = decide(
        [lines[order] for order in deciding],
        Market(available, offers, prices),
        minimum_total=terms.minimum_total,
        expected_totals=[order.expected_total for order in deciding],
        counted=CountedOrders(customers, before, summing()),
    )
    begins, accepted = clock() if clock is not None else None, []
    for order, decided in zip(deciding, decisions, strict=True):
        if isinstance(decided, DomainError):
            answers[order] = decided
        else:
            accepted.append(_accepted(order, decided, begins, terms))
    move_stock(accepted, balances, now=now)
    return accepted, answers, before


def _is_own(order: NewOrder) -> bool:
    """Returns whether the order counts for the limits of its customer. Those that staff place do
    not."""
    return order.placement.acting is None


def _refused_staff(orders: Sequence[NewOrder]) -> dict[NewOrder, Exception]:
    """Returns the refusals of orders that staff place for customers, if the session or the right
    ended while they waited for the locks."""
    refusals: dict[NewOrder, Exception] = {}
    for order in orders:
        if order.placement.acting is not None:
            try:
                require_permitted(order.placement.acting.caller, "orders.add_order")
            except DomainError as refusal:
                refusals[order] = refusal
    return refusals


def _accepted(
    order: NewOrder, lines: Sequence[PricedLine], clock: datetime | None, terms: Terms
) -> Accepted:
    """Returns the order with its total, and the end of its hold, if it has one. Holds begin at the
    time of the database under the locks. An order that costs nothing has none: no payment would
    confirm it."""
    total = sum([line.total for line in lines], Decimal(0))
    hold = hold_of(order.placement, terms)
    expires_at = None
    if hold is not None and clock is not None and to_payable(total, terms.currency):
        expires_at = clock + timedelta(seconds=hold.seconds)
    return Accepted(order, lines, total, expires_at)


def _give_back(
    orders: Sequence[NewOrder], accepted: Sequence[Accepted], before: Mapping[int, Remaining]
) -> dict[NewOrder, Remaining]:
    """Gives back the units of the quota that these orders did not use. Returns what each left."""
    used: Counter[int] = Counter()
    remaining: dict[NewOrder, Remaining] = {}
    for order in (each.order for each in accepted):
        customer = order.placement.customer
        if _is_own(order) and customer in before:
            used[customer] += 1
            remaining[order] = before[customer].after(used[customer])
    quotas.give_back("orders", _own_orders(orders) - used)
    return remaining


def _own_orders(orders: Sequence[NewOrder]) -> Counter[int]:
    """Returns the number of orders of each customer that count for its limits."""
    return Counter([order.placement.customer for order in orders if _is_own(order)])
