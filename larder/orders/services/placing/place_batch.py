"""Places a batch of one or more orders in one transaction.

The steps, in an order in which all data is locked before it is used for a decision: claim ids and
keys, lock the carts to place, take what the customers may order, lock the stock rows, read
prices and rules, decide in memory, write: stock and ledger in one statement; orders, lines and
events in another.
A refused order gives its claims back, and does not affect the other orders.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from django.db import OperationalError, transaction

from larder.catalog import queries as catalog
from larder.catalog.prices import prices_for
from larder.catalog.queries import Offer
from larder.core import telemetry
from larder.core.errors import DomainError
from larder.core.money import to_payable
from larder.db import database
from larder.db.postgresql.errors import CommitUnknown
from larder.identity import queries as identity
from larder.identity.queries import ordering_refusal
from larder.identity.services import audit, quotas
from larder.identity.services.credentials import require_permitted
from larder.identity.services.quotas import Remaining
from larder.inventory.services import movements as inventory
from larder.orders.decision import Asked, PricedLine, Shop, decide
from larder.orders.lifecycle import DRAFT
from larder.orders.models import OrderStatus
from larder.orders.queries import LineView, OrderView
from larder.orders.services import cart
from larder.orders.services.locks import order_name, submit_unpaid
from larder.orders.services.placing.claims import (
    claim,
    lock_carts,
    separate_repeats,
    settle_claims,
    was_committed,
)
from larder.orders.services.placing.placement import (
    Accepted,
    Answers,
    NewOrder,
    Placed,
    Terms,
    Written,
    hold_of,
    left,
)
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
    wait: Callable[[], object] | None = None,
) -> Answers:
    """Places a batch. Returns the answer to each of its orders; a refused order does not affect
    others.

    The transaction waits for each lock for `lock_wait` seconds. It does not wait for stock: the
    answer to an order of stock that another transaction has locked is Skipped. `wait` is called
    before it has any other lock: for stock of an order that is placed alone, or for its turn.

    The answer to an order that has the key, id or cart of another one is Later. The error of a
    failed transaction is the answer of its orders; one that comes before they are taken is raised.

    Refusals: those of `claim`, `lock_carts`, `decide` and `ordering_refusal`; for orders of staff
    what `require_permitted` raises.
    """
    batch: Sequence[NewOrder] = ()
    later: Sequence[NewOrder] = ()
    outcome = _Outcome()
    span = telemetry.tracing.span("place orders")
    try:
        with span, transaction.atomic(durable=True), database.pipeline():
            database.limit_lock_wait(lock_wait)
            if wait is not None:
                wait()
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
    """What the statements of a transaction did: the orders that they wrote, and the answers to the
    others."""

    written: Sequence[Written] = ()
    answers: Answers = {}


def _answers(outcome: _Outcome, terms: Terms) -> Answers:
    written = {each.accepted.order: placed(each, terms.currency) for each in outcome.written}
    return {**outcome.answers, **written}


def _answers_to_failure(
    batch: Sequence[NewOrder], outcome: _Outcome, failure: Exception, terms: Terms
) -> Answers:
    """Returns the answers to the orders of a transaction that ended with this failure. Where it is
    not known whether it was committed, a refused order had nothing to commit, so it can be
    repeated."""
    if not isinstance(failure, CommitUnknown):
        return dict.fromkeys(batch, failure)
    is_committed = was_committed(outcome.written[0]) if outcome.written else False
    if is_committed:
        return _answers(outcome, terms)
    answers: dict[NewOrder, Placed | Exception] = {}
    answers |= dict.fromkeys(batch, OperationalError("the transaction was not committed"))
    for order in [each.accepted.order for each in outcome.written if is_committed is None]:
        cart, unknown = order.placement.cart, CommitUnknown(*failure.args)
        # A repeat is recognised by its id or key, or by the cart that it names.
        unknown.is_repeatable = bool(order.claims or (cart and cart.version))
        answers[order] = unknown
    return answers


def _place(batch: Sequence[NewOrder], terms: Terms) -> _Outcome:
    """Claims ids and keys, locks carts, places what is not answered, and settles the claims. The
    time is that of the latest order: repeats are recognised by their content."""
    now = max(order.now for order in batch)
    earlier, answers = claim(batch, now=now)
    answers |= lock_carts(left(batch, answers))
    waiting = left(batch, answers)
    written: Sequence[Written] = ()
    if waiting:
        accepted, refusals = _decide_under_locks(waiting, terms, now)
        answers |= refusals
        written = write_orders(accepted, currency=terms.currency, now=now)
    settle_claims(batch, written, earlier)
    return _Outcome(written, answers)


def _decide_under_locks(
    orders: Sequence[NewOrder], terms: Terms, now: datetime
) -> tuple[list[Accepted], dict[NewOrder, Placed | Exception]]:
    """Takes a unit of its customer's quota for each order, and locks the stock. Reads under the
    locks, decides, moves the stock of what is accepted, and gives back what it did not use of the
    quotas. Returns what was accepted, and the answers to the others."""
    counts = Counter([order.counts_for for order in orders if order.counts_for is not None])
    reading = identity.submit_standing({order.placement.customer for order in orders})
    taking = quotas.submit_take("orders", counts)
    summing = submit_unpaid(counts, terms.unpaid_units, now)
    products = {order: {line.product for line in order.lines} for order in orders}
    all_products = set().union(*products.values())
    locking = inventory.submit_lock(all_products, skip_locked=True)
    offered = catalog.submit_offers(all_products)
    is_held = any(hold_of(order.placement, terms) for order in orders)
    clock = inventory.submit_clock() if is_held else None
    standing, balances, offers = reading(), locking(), offered()
    # Stock that is not locked but offered is locked by another transaction, or new since then.
    unlocked = offers.keys() - balances.keys()
    answers: dict[NewOrder, Placed | Exception] = {}
    for order in orders:
        account = standing.get(order.placement.customer)
        if refusal := ordering_refusal(account, actor=order.placement.actor):
            answers[order] = refusal
        elif skipped := unlocked & products[order]:
            answers[order] = Skipped(skipped)
        elif refusal := _staff_refusal(order):
            answers[order] = refusal
    deciding = left(orders, answers)
    asked = [_asked(order, products[order], offers) for order in deciding]
    available = {product: balance.available for product, balance in balances.items()}
    before, used = taking(), Counter[int]()
    shop = Shop(available, offers, terms.minimum_total, before, summing())
    begins, accepted = clock() if clock is not None else None, []
    for order, decision in zip(deciding, decide(asked, shop), strict=True):
        if isinstance(decision, DomainError):
            answers[order] = decision
            continue
        customer, remaining = order.counts_for, None
        if customer in before:
            used[customer] += 1
            remaining = before[customer].after(used[customer])
        accepted.append(_accepted(order, decision, begins, terms, remaining))
    quotas.give_back("orders", counts - used)
    move_stock(accepted, balances, now=now)
    return accepted, answers


def _staff_refusal(order: NewOrder) -> DomainError | None:
    """Returns the refusal of an order that staff place for a customer, if the session or the right
    ended while they waited for the locks."""
    if order.placement.acting is not None:
        try:
            require_permitted(order.placement.acting.caller, "orders.add_order")
        except DomainError as refusal:
            return refusal
    return None


def _asked(order: NewOrder, products: Set[int], offers: Mapping[int, Offer]) -> Asked:
    sold = [offers[id] for id in products if id in offers]
    prices = prices_for(order.placement.customer, sold)
    return Asked(order.lines, prices, order.expected_total, order.counts_for)


def _accepted(
    order: NewOrder,
    lines: Sequence[PricedLine],
    clock: datetime | None,
    terms: Terms,
    remaining: Remaining | None,
) -> Accepted:
    """Returns the order with its total, and the end of its hold, if it has one. Holds begin at the
    time of the database under the locks. An order that costs nothing has none: no payment would
    confirm it."""
    total = sum([line.total for line in lines], Decimal(0))
    hold = hold_of(order.placement, terms)
    expires_at = None
    if hold is not None and clock is not None and to_payable(total, terms.currency):
        expires_at = clock + timedelta(seconds=hold.seconds)
    return Accepted(order, lines, total, expires_at, remaining)


def move_stock(
    accepted: Sequence[Accepted], balances: Mapping[int, inventory.Balance], *, now: datetime
) -> None:
    """Takes the units of these orders from the locked stock, and writes them in the ledger."""
    moves = [
        inventory.Movement(
            line.offer.id,
            -line.quantity,
            line.quantity,
            "order" if order.expires_at is None else "hold",
            str(order.order.event),
            order.order.placement.actor,
        )
        for order in accepted
        for line in order.lines
    ]
    held = [
        inventory.HeldUnits(
            order.order.id, line.offer.id, order.order.event, line.quantity, order.expires_at
        )
        for order in accepted
        if order.expires_at is not None
        for line in order.lines
    ]
    inventory.move(moves, balances, now=now, held=held)


def write_orders(accepted: Sequence[Accepted], *, currency: str, now: datetime) -> list[Written]:
    """Writes orders, lines and events in one statement, and ends the carts that were placed."""
    if not accepted:
        return []
    rows = [_row(order, now) for order in accepted]
    lines = [
        {
            "order": order.order.id,
            "product": line.offer.id,
            "quantity": line.quantity,
            "sku": line.offer.sku,
            "name": line.offer.name,
            "unit_price": line.unit_price,
            "tax_rate": line.offer.tax_rate,
            "id": order.order.cart.lines[position].id if order.order.cart else None,
        }
        for order in accepted
        for position, line in enumerate(order.lines)
    ]
    parameters = [currency, now, *(msgspec.json.encode(each).decode() for each in (rows, lines))]
    written = {id: values for id, *values in database.rows(writes.INSERT, parameters)}
    for order in accepted:
        if (acting := order.order.placement.acting) is not None:
            audit.record_all([_entry(order)], by=acting)
    if carts := [order.order.cart.customer for order in accepted if order.order.cart]:
        cart.end(carts)
    return [
        Written(order, row | {"number": number}, line_ids)
        for order, row in zip(accepted, rows, strict=True)
        for number, line_ids in [written[order.order.id]]
    ]


def _row(accepted: Accepted, now: datetime) -> dict[str, Any]:
    order, placement = accepted.order, accepted.order.placement
    is_placed, former = accepted.expires_at is None, order.cart
    return {
        "id": order.id,
        "customer": placement.customer,
        "status": OrderStatus.PLACED if is_placed else OrderStatus.PENDING,
        "total": accepted.total,
        "units": sum(line.quantity for line in accepted.lines),
        "note": placement.note,
        "reference": placement.reference,
        "ship_to": placement.ship_to,
        "requested_for": placement.requested_for,
        "expires_at": accepted.expires_at,
        "event": order.event,
        "type": "placed" if is_placed else "held",
        "actor": placement.actor,
        "version": 1 if former is None else former.version + 1,
        "from_status": "" if former is None else DRAFT,
        "number": former and former.number,
        "created_at": (former and former.created_at) or now,
        "placed_at": now,
    }


def _entry(accepted: Accepted) -> audit.Entry:
    quantities = {str(line.offer.id): line.quantity for line in accepted.lines}
    customer = accepted.order.placement.customer
    after = {"customer": customer, "total": accepted.total, "quantities": quantities}
    return audit.Entry(order_name(accepted.order.id), "place", after=after)


def placed(written: Written, currency: str) -> Placed:
    """Returns the answer to an order. Called after the commit: in the transaction, it would hold
    the locks of stock a tenth longer."""
    columns, at = {name: written.row[name] for name in _SHOWN}, written.row["placed_at"]
    lines = [
        LineView(
            id,
            line.offer.id,
            line.offer.sku,
            line.offer.name,
            line.quantity,
            line.unit_price,
            tax_rate=line.offer.tax_rate,
        )
        for id, line in zip(written.line_ids, written.accepted.lines, strict=True)
    ]
    view = OrderView(**columns, updated_at=at, currency=currency, lines=lines)
    return Placed(view, replayed=False, remaining=written.accepted.remaining)


_SHOWN = (
    *("id", "number", "customer", "status", "total", "note", "reference", "ship_to"),
    *("requested_for", "created_at", "placed_at", "version", "expires_at"),
)
"""What the answer to an order shows of its row."""
