"""Places and confirms a batch of one or more orders in one transaction.

All data is locked before it is used for a decision: ids and keys, carts, orders to confirm, quotas,
stock. Then the batch is decided in memory, and written: stock and ledger in one statement; orders,
lines, holds and events in another.

If the answer to the COMMIT is lost, the transaction may still run. It keeps its locks on stock rows
until it ends, so "not found" is certain only after another connection has locked one of them. All
orders of the batch are committed together: the event of one is enough. A server that accepts no
writes grants no lock, so nothing is certain there.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from threading import Event
from typing import Any
from uuid import UUID

import msgspec
from django.db import Error, OperationalError, transaction
from msgspec.structs import asdict, replace

from larder.catalog import prices as catalog
from larder.core import telemetry, waits
from larder.core.clock import Stopwatch
from larder.core.errors import DomainError, StaleVersion
from larder.db import database, idempotency
from larder.db.errors import CommitUnknown
from larder.db.idempotency import Claim, Earlier, Scope
from larder.identity import queries as identity
from larder.identity.services import audit, quotas
from larder.identity.services.credentials import require_permitted
from larder.inventory.services import movements as inventory
from larder.orders import queries
from larder.orders.decision import Shop, UndecidedOrder, decide
from larder.orders.errors import CartEmpty
from larder.orders.lifecycle import DRAFT
from larder.orders.services import cart
from larder.orders.services.confirm_order import submit_confirm
from larder.orders.services.locks import order_name
from larder.orders.services.placing.placement import (
    ABANDONED,
    Accepted,
    Answer,
    CartChanged,
    OrderRequest,
    Placed,
    Request,
    Skipped,
    Terms,
    answer_to_repeat,
    hold_of,
    view_of,
)
from larder.orders.services.transitions import Moved, TransitionRequest
from larder.orders.sql import carts, writes

FIND_WITHIN = 2.5
"""Seconds to find out whether a transaction was committed, including the wait for a connection, so
that a client gets its answer within three seconds if the database does not answer."""

TRY_EVERY = 0.1
"""Seconds between two attempts."""

Outcomes = dict[Any, Accepted | Answer]
"""What came of requests: of an order that was placed, the answer is made after the commit."""


def place_batch(
    take: Callable[[], Sequence[Request]],
    *,
    terms: Terms,
    lock_wait: float,
    wait: Callable[[], object] | None = None,
    is_whole: bool = False,
) -> dict[Request, Answer]:
    """Places and confirms the orders that `take` returns, called in the transaction. Returns the
    answer to each of these requests.

    The transaction waits for each lock for `lock_wait` seconds, but not for stock: an order of
    stock that another transaction has locked is answered Skipped. `wait` is called before it has
    any other lock: for stock of an order that is placed alone, or for the turn of the batch. With
    `is_whole`, an order that is not placed undoes what `take` did.

    No two of these requests have a name in common. The confirmation of a locked order is answered
    MustWait. The error of a failed transaction is the answer of its requests; one that comes before
    they are taken is raised. Refusals: those of `answer_to_repeat`, `_lock_carts`, `decide`,
    `ordering_refusal` and `require_permitted` (orders of staff).
    """
    batch: Sequence[Request] = ()
    outcomes: Outcomes = {}
    span = telemetry.span("place orders")
    try:
        with span, transaction.atomic(durable=True), database.pipeline():
            database.limit_lock_wait(lock_wait)
            if wait is not None:
                wait()
            batch = take()
            outcomes = _run(batch, terms)
            if is_whole and not all(isinstance(each, Accepted) for each in outcomes.values()):
                transaction.set_rollback(True)
    except Exception as error:
        if not batch:
            raise
        outcomes = _outcomes_of_failure(batch, outcomes, error)
    return {
        request: placed(outcome) if isinstance(outcome, Accepted) else outcome
        for request, outcome in outcomes.items()
    }


def _outcomes_of_failure(
    batch: Sequence[Request], outcomes: Outcomes, failure: Exception
) -> Outcomes:
    """Returns the outcomes of the requests of a transaction that ended with this failure. Where it
    is not known whether it was committed, a refused order had nothing to commit, so it can be
    repeated."""
    if not isinstance(failure, CommitUnknown):
        return dict.fromkeys(batch, failure)
    accepted = [outcome for outcome in outcomes.values() if isinstance(outcome, Accepted)]
    confirmed = [each for each, outcome in outcomes.items() if isinstance(outcome, Moved)]
    failed: Outcomes = dict.fromkeys(batch, OperationalError("the transaction was not committed"))
    is_committed = None if confirmed else False
    if accepted:
        is_committed = _was_committed(accepted[0].view.lines[0].product, accepted[0].order.event)
    if is_committed is None:
        failed |= dict.fromkeys(confirmed, failure)
        for order, *_ in accepted:
            cart, unknown = order.placement.cart, CommitUnknown(*failure.args)
            # A repeat is recognised by its id or key, or by the cart that it names.
            unknown.is_repeatable = bool(order.claims or (cart and cart.version))
            failed[order] = unknown
    return outcomes if is_committed else failed


def _was_committed(product: int, event: UUID) -> bool | None:
    """Locks the stock row of an order, and returns whether its event exists, so that its
    transaction was committed; None if it cannot be found out within FIND_WITHIN. Uses another
    connection than the lost one, which is closed. Commits nothing."""
    searching = Stopwatch()
    while (seconds := FIND_WITHIN - searching.seconds) > 0:
        try:
            with database.answers_within(seconds), transaction.atomic(durable=True):
                database.limit_lock_wait(seconds)
                inventory.lock([product])
                is_there = bool(queries.orders_of_events([event]))
                transaction.set_rollback(True)
                return is_there
        except Error:
            waits.wait(Event(), min(TRY_EVERY, seconds))
    return None


def _run(batch: Sequence[Request], terms: Terms) -> Outcomes:
    """Claims ids and keys, locks carts, confirms and places what is not answered, and gives back
    the claims of requests that did nothing: the same request may succeed after a refusal. The time
    is that of the latest request: repeats are recognised by their content."""
    if not batch:
        return {}
    now = max(request.now for request in batch)
    confirmations = [each for each in batch if isinstance(each, TransitionRequest)]
    orders = [each for each in batch if isinstance(each, OrderRequest)]
    claims = [claim for request in batch for claim in request.claims]
    claiming = idempotency.submit_claim(claims, now=now)
    finding = queries.submit_existing([it.id for it in orders if it.placement.order_id is not None])
    earlier = claiming()
    outcomes = _repeats(orders, earlier, finding())
    outcomes |= _lock_carts([order for order in orders if order not in outcomes])
    confirming = submit_confirm(confirmations, earlier, now=now) if confirmations else None
    placing = _submit_place([order for order in orders if order not in outcomes], terms, now)
    # First of all the held lines of confirmed orders end: placing releases those that have expired.
    confirmed, writing = confirming() if confirming else ({}, lambda: None)
    outcomes |= {**placing(), **confirmed}
    writing()
    unused = [each for each in batch if not isinstance(outcomes[each], Accepted | Moved)]
    scopes = [claim.scope for request in unused for claim in request.claims]
    idempotency.release([scope for scope in scopes if scope not in earlier])
    return outcomes


def _repeats(
    orders: Sequence[OrderRequest], earlier: Mapping[Scope, Earlier], existing: Collection[UUID]
) -> Outcomes:
    """Returns the answers to the orders whose id or key an earlier request has used."""
    repeats: dict[OrderRequest, list[tuple[Claim, Earlier]]] = {}
    for order in orders if earlier or existing else ():
        uses = [(claim, earlier[claim.scope]) for claim in order.claims if claim.scope in earlier]
        if uses or order.placement.order_id in existing:
            repeats[order] = uses
    if not repeats:
        return {}
    used = [use for uses in repeats.values() for _, use in uses]
    ids = [UUID(use.result) for use in used if use.result != ABANDONED]
    views = queries.orders([*ids, *existing])
    return {order: answer_to_repeat(order, uses, views) for order, uses in repeats.items()}


def _lock_carts(orders: Sequence[OrderRequest]) -> Outcomes:
    """Locks the carts that are placed, until the transaction ends. Returns the answers to the
    orders whose cart is not placed: StaleVersion, CartEmpty, and CartChanged."""
    refused: Outcomes = {}
    waiting: dict[OrderRequest, tuple[int, UUID | None, int]] = {}
    for order in orders:
        cart, expected = order.cart, order.placement.cart
        if cart is None or expected is None:
            continue
        if expected.version not in {None, (cart.id or cart.ended, cart.version)}:
            refused[order] = StaleVersion(cart.version)
        elif not cart.lines:
            refused[order] = CartEmpty()
        else:
            waiting[order] = (cart.customer, cart.id, cart.version)
    if waiting:
        # Rows are locked in the order of the customers.
        parameters = database.columns(sorted(waiting.values()))
        locked = {id for (id,) in database.rows(carts.LOCK_UNCHANGED, parameters)}
        refused |= {order: CartChanged() for order, row in waiting.items() if row[0] not in locked}
    return refused


def _submit_place(
    orders: Sequence[OrderRequest], terms: Terms, now: datetime
) -> Callable[[], Outcomes]:
    """Submits what takes a unit of its customer's quota for each order, locks the stock, and reads
    under the locks. Returns a function that decides, writes what is accepted, gives back what it
    did not use of the quotas, and returns the outcomes."""
    if not orders:
        return dict
    counts = Counter([order.counts_for for order in orders if order.counts_for is not None])
    reading = identity.submit_standing({order.placement.customer for order in orders})
    taking = quotas.submit_take("orders", counts)
    summing = queries.submit_unpaid(counts, terms.unpaid_units, now)
    products = {line.product for order in orders for line in order.lines}
    locking = inventory.submit_lock(products, skip_locked=True)
    offered = catalog.submit_offers(products)
    is_held = any(hold_of(order.placement, terms) for order in orders)
    clock = inventory.submit_clock() if is_held else lambda: now

    def place() -> Outcomes:
        standing, remaining, unpaid = reading(), taking(), summing()
        balances, offers, begins = locking(), offered(), clock()
        available = {product: balance.available for product, balance in balances.items()}
        shop = Shop(available, offers, terms.minimum_total, remaining, unpaid)
        undecided, outcomes = _undecided(orders, standing, shop)
        used, accepted = Counter[int](), []
        for order, decision in zip(undecided, decide(list(undecided.values()), shop), strict=True):
            if isinstance(decision, DomainError):
                outcomes[order] = decision
                continue
            customer, left = order.counts_for, None
            if customer is not None:
                used[customer] += 1
                left = remaining[customer].after(used[customer]) if customer in remaining else None
            view = view_of(order, decision, terms, begins=begins, now=now)
            accepted.append(Accepted(order, view, left))
        quotas.give_back("orders", counts - used)
        _move_stock(accepted, balances, now=now)
        return outcomes | {written.order: written for written in write_orders(accepted)}

    return place


def _undecided(
    orders: Sequence[OrderRequest], standing: Mapping[int, identity.Standing], shop: Shop
) -> tuple[dict[OrderRequest, UndecidedOrder], Outcomes]:
    """Returns the orders that can be decided, and the answers to the others."""
    offers, outcomes = shop.offers, Outcomes()
    # Stock that is not locked but offered is locked by another transaction, or new since then.
    unlocked = offers.keys() - shop.available.keys()
    undecided: dict[OrderRequest, UndecidedOrder] = {}
    for order in orders:
        customer, products = order.placement.customer, {line.product for line in order.lines}
        expected = order.placement.expected_total
        if refusal := _refusal(order, standing.get(customer)):
            outcomes[order] = refusal
        elif skipped := unlocked & products:
            outcomes[order] = Skipped(skipped)
        else:
            prices = catalog.prices_for(customer, [offers[id] for id in products if id in offers])
            undecided[order] = UndecidedOrder(order.lines, prices, expected, order.counts_for)
    return undecided, outcomes


def _refusal(order: OrderRequest, account: identity.Standing | None) -> DomainError | None:
    """Returns the refusal of an order for an account that may not order, or of one that staff place
    if the session or the right ended while they waited for the locks."""
    placement = order.placement
    refusal = identity.ordering_refusal(account, actor=placement.actor)
    if refusal is None and placement.acting is not None:
        try:
            require_permitted(placement.acting.caller, "orders.add_order")
        except DomainError as ended:
            return ended
    return refusal


def _move_stock(
    accepted: Sequence[Accepted], balances: Mapping[int, inventory.Balance], *, now: datetime
) -> None:
    """Takes the units of these orders from the locked stock, and writes them in the ledger."""
    moves: list[inventory.Movement] = []
    expiries: dict[int, datetime] = {}
    for order, view, *_ in accepted:
        cause = "hold" if view.expires_at else "order", str(order.event), order.placement.actor
        for line in view.lines:
            product, units = line.product, line.quantity
            moves.append(inventory.Movement(product, -units, units, *cause))
            if view.expires_at is not None:
                expiries[product] = min(view.expires_at, expiries.get(product, view.expires_at))
    inventory.move(moves, balances, now=now, expiries=expiries)


def write_orders(accepted: Sequence[Accepted]) -> list[Accepted]:
    """Writes orders, lines, holds, events in one statement, and ends the carts that were placed.
    Returns the orders with what the database gave them."""
    if not accepted:
        return []
    rows = [_row(order, view) for order, view, *_ in accepted]
    lines = [line for _, view, *_ in accepted for line in view.lines]
    orders = [view.id for _, view, *_ in accepted for _ in view.lines]
    parameters = [*(msgspec.json.encode(each).decode() for each in (rows, lines)), orders]
    is_held = any(view.expires_at for _, view, *_ in accepted)
    statement = writes.INSERT_AND_HOLD if is_held else writes.INSERT
    written = {id: (number, ids) for id, number, ids in database.rows(statement, parameters)}
    for order, view, *_ in accepted:
        if order.placement.acting is not None:
            quantities = {str(line.product): line.quantity for line in view.lines}
            after = {"customer": view.customer, "total": view.total, "quantities": quantities}
            entry = audit.Entry(order_name(view.id), "place", after=after)
            audit.record_all([entry], by=order.placement.acting)
    if placed_carts := [order.cart.customer for order, *_ in accepted if order.cart]:
        cart.end(placed_carts)
    return [order._replace(numbers=written[order.order.id]) for order in accepted]


def _row(order: OrderRequest, view: queries.OrderView) -> dict[str, Any]:
    return asdict(view) | {
        "lines": None,
        "units": sum([line.quantity for line in view.lines]),
        "event": order.event,
        "type": "placed" if view.expires_at is None else "held",
        "actor": order.placement.actor,
        "from_status": DRAFT if order.cart else "",
    }


def placed(accepted: Accepted) -> Placed:
    """Returns the answer to an order that was written. Called after the commit: in the transaction,
    it would hold the locks of stock longer."""
    view, (number, line_ids) = accepted.view, accepted.numbers
    lines = [replace(line, id=id) for id, line in zip(line_ids, view.lines, strict=True)]
    view = replace(view, number=number, lines=lines)
    return Placed(view, replayed=False, remaining=accepted.remaining)
