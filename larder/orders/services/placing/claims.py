"""Repeated requests, carts and lost commits: what was placed already is not placed again.

Claims ids and keys, answers repeats, and gives claims back (`claim`, `settle_claims`). Takes the
carts as the requests have read them, or not at all (`lock_carts`). If the answer to a COMMIT was
lost, finds out whether the transaction was committed (`was_committed`).

That transaction may still run after its connection is lost: the COMMIT may be on its way, or wait
for a standby. It keeps its locks on stock rows until it ends. So "not found" is certain only after
another connection has locked one of these rows. Then, and after a restart or a promotion, looking
for the event of one order is enough: all orders of the batch are committed together. A server that
accepts no writes grants no lock, so nothing is certain there.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from threading import Event
from uuid import UUID

from django.db import Error, transaction

from larder.core import waits
from larder.core.errors import (
    CHOSEN_ID,
    IDEMPOTENCY_KEY,
    DomainError,
    KeyReused,
    NotFound,
    StaleVersion,
)
from larder.core.stopwatch import Stopwatch
from larder.db import database, idempotency
from larder.db.idempotency import Claim, Earlier, Scope
from larder.inventory.services import movements as inventory
from larder.orders import queries
from larder.orders.decision import add_up
from larder.orders.errors import CartEmpty, OrderAbandoned
from larder.orders.queries import event_log
from larder.orders.services.placing.placement import (
    ABANDONED,
    ORDER_ID,
    CartChanged,
    NewOrder,
    Placed,
    Placement,
    Written,
    left,
    mark_of,
)
from larder.orders.sql import carts

FIND_WITHIN = 2.5
"""Seconds, including the wait for a connection, so that a client gets its answer within three
seconds if the database does not answer."""

TRY_EVERY = 0.1
"""Seconds between two attempts."""


def separate_repeats(
    waiting: Sequence[NewOrder],
) -> tuple[list[NewOrder], list[NewOrder]]:
    """Returns the orders that can be placed in one transaction, and those whose key, id or cart
    another of them has.

    Equal requests are placed in different transactions: one claim can answer only one of them, and
    a cart that one of them places is none for the next.
    """
    batch: list[NewOrder] = []
    later: list[NewOrder] = []
    seen: set[object] = set()
    for order in waiting:
        names = order.names
        (later if seen.intersection(names) else batch).append(order)
        seen.update(names)
    return batch, later


def claim(
    orders: Sequence[NewOrder], *, now: datetime
) -> tuple[Collection[Scope], dict[NewOrder, Placed | Exception]]:
    """Claims all ids and keys, in a fixed order. Returns those that earlier requests had claimed,
    and the answers to repeats: Placed, KeyReused, OrderAbandoned, NotFound (the id belongs to
    another customer). Waits for equal requests in flight."""
    claims = [claim for order in orders for claim in order.claims]
    claiming = idempotency.submit_claim(claims, now=now)
    chosen = [order for order in orders if order.placement.order_id is not None]
    finding = queries.submit_existing([order.id for order in chosen])
    earlier, existing = claiming(), finding()
    answers: dict[NewOrder, Placed | Exception] = {}
    repeats: dict[NewOrder, UUID] = {}
    for order in orders if earlier else ():
        placed = _earlier_order(order, earlier)
        if isinstance(placed, UUID):
            repeats[order] = placed
        elif placed is not None:
            answers[order] = placed
    for order in chosen if existing else ():
        if order not in answers and order.id in existing:
            repeats.setdefault(order, order.id)
    views = queries.orders(list(repeats.values())) if repeats else {}
    shown = {order: _shown(order, views.get(id), earlier) for order, id in repeats.items()}
    return earlier.keys(), answers | shown


def settle_claims(
    orders: Sequence[NewOrder], written: Sequence[Written], earlier: Collection[Scope]
) -> None:
    """Deletes the claims of requests that placed nothing: the same request may succeed after a
    refusal, and a repeat that is recognised by the order's id finds the order again."""
    placed = {each.accepted.order for each in written}
    unused = [claim.scope for order in orders if order not in placed for claim in order.claims]
    idempotency.release([scope for scope in unused if scope not in earlier])


def _earlier_order(order: NewOrder, earlier: Mapping[Scope, Earlier]) -> UUID | DomainError | None:
    """Returns the order that an earlier request with the same id or key has placed, or the refusal
    of this request; None if there was none."""
    placed = _placed_before(order, earlier)
    marks = {earlier[claim.scope].fingerprint for claim in order.claims if claim.scope in earlier}
    if marks and not placed:
        # The id may be that of another customer, who abandoned it.
        return OrderAbandoned() if marks == {mark_of(order.placement.actor)} else NotFound()
    differing = [claim.scope for claim, use in placed if use.fingerprint != claim.fingerprint]
    if any(scope.operation != ORDER_ID for scope in differing):
        return KeyReused([_name(scope) for scope in differing])
    return UUID(placed[0][1].result) if placed else None


def _placed_before(
    order: NewOrder, earlier: Mapping[Scope, Earlier]
) -> list[tuple[Claim, Earlier]]:
    """Returns the claims of the order that earlier requests had, and have placed an order."""
    uses = [(claim, earlier[claim.scope]) for claim in order.claims if claim.scope in earlier]
    return [(claim, use) for claim, use in uses if use.result != ABANDONED]


def _name(scope: Scope) -> str:
    return CHOSEN_ID if scope.operation == ORDER_ID else IDEMPOTENCY_KEY


def _shown(
    order: NewOrder, view: queries.OrderView | None, earlier: Mapping[Scope, Earlier]
) -> Placed | DomainError:
    """Returns the answer to a request that names an order that is there: the current order, only to
    its owner, if the request has the same content as the one that placed it. What was sent for an
    id that no client claimed is not stored: then it is what the order has now."""
    if view is None or view.customer != order.placement.customer:
        return NotFound()
    placed = _placed_before(order, earlier)
    is_same = all(use.fingerprint == claim.fingerprint for claim, use in placed)
    if not placed:
        units = {line.product: line.quantity for line in view.lines}
        is_same = units == add_up(order.lines) and _details(view) == _details(order.placement)
    return Placed(view, replayed=True) if is_same else KeyReused([CHOSEN_ID])


def _details(of: queries.OrderView | Placement) -> tuple[object, ...]:
    return (of.note, of.reference, of.ship_to, of.requested_for)


def lock_carts(orders: Sequence[NewOrder]) -> dict[NewOrder, Exception]:
    """Locks the carts that are placed, until the transaction ends. Returns the answers to the
    orders whose cart is not placed: StaleVersion, CartEmpty, and CartChanged."""
    refused: dict[NewOrder, Exception] = {
        order: refusal for order in orders if (refusal := _cart_refusal(order)) is not None
    }
    waiting = [(order, order.cart) for order in left(orders, refused) if order.cart is not None]
    if not waiting:
        return refused
    # Rows are locked in the order of the customers.
    rows = sorted((cart.customer, cart.id, cart.version) for _, cart in waiting)
    locked = {id for (id,) in database.rows(carts.LOCK_UNCHANGED, database.columns(rows))}
    changed = {order: CartChanged() for order, cart in waiting if cart.customer not in locked}
    return {**refused, **changed}


def _cart_refusal(order: NewOrder) -> DomainError | None:
    cart, expected = order.cart, order.placement.cart
    if cart is None or expected is None:
        return None
    if expected.version not in {None, (cart.id or cart.ended, cart.version)}:
        return StaleVersion(cart.version)
    return None if cart.lines else CartEmpty()


def was_committed(written: Written) -> bool | None:
    """Returns whether the order was committed; None if it cannot be found out within
    FIND_WITHIN."""
    product, searching = written.accepted.lines[0].offer.id, Stopwatch()
    while (seconds := FIND_WITHIN - searching.seconds) > 0:
        try:
            return _look(product, written.accepted.order.event, seconds)
        except Error:
            waits.wait(Event(), min(TRY_EVERY, seconds))
    return None


def _look(product: int, event: UUID, seconds: float) -> bool:
    """Locks the stock row, and returns whether the event exists. Uses another connection than the
    lost one, which is closed. Commits nothing. Raises Error."""
    with database.answers_within(seconds), transaction.atomic(durable=True):
        database.limit_lock_wait(seconds)
        inventory.lock([product])
        is_there = bool(event_log.orders_of([event]))
        transaction.set_rollback(True)
        return is_there
