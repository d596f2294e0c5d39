"""Repeated requests and lost commits: what was placed already is not placed again.

Claims ids and keys, answers repeats, and gives claims back (`claim`, `settle_claims`). If the
answer to a COMMIT was lost, finds out whether the transaction was committed (`resolve_commit`).

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

from django.db import Error, OperationalError, transaction

from larder.core import commits, waits
from larder.core.errors import CHOSEN_ID, IDEMPOTENCY_KEY, DomainError, KeyReused, NotFound
from larder.core.stopwatch import Stopwatch
from larder.db import database, idempotency
from larder.db.idempotency import Earlier, Scope
from larder.db.postgresql.bounded import answers_within
from larder.db.postgresql.errors import CommitUnknown
from larder.inventory.services import movements as inventory
from larder.orders import queries
from larder.orders.decision import add_up
from larder.orders.errors import OrderAbandoned
from larder.orders.services.placing.placement import (
    ABANDONED,
    ORDER_ID,
    Accepted,
    NewOrder,
    Placed,
    Placement,
    Written,
    mark_of,
)

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
    and the answers to the repeats of earlier requests. Waits for equal requests in flight."""
    claims = [claim for order in orders for claim in order.claims]
    claiming = idempotency.submit_claim(claims, now=now)
    chosen = [order for order in orders if order.placement.order_id is not None]
    finding = queries.submit_existing([order.id for order in chosen])
    earlier = claiming()
    answers = _answers(orders, earlier) if earlier else {}
    taken = finding()
    # Ids that the shop gave to an order or a cart, which no client claimed.
    unclaimed = {order: order.id for order in chosen if order not in answers and order.id in taken}
    return earlier.keys(), answers | _shown(unclaimed)


def settle_claims(
    orders: Sequence[NewOrder], written: Sequence[Written], earlier: Collection[Scope]
) -> None:
    """Deletes the claims of requests that placed nothing: the same request may succeed after a
    refusal, and a repeat that is recognised by the order's id finds the order again."""
    placed = {one.accepted.order for one in written}
    unused = [order for order in orders if order not in placed]
    idempotency.release(
        [scope for order in unused for scope in order.scopes if scope not in earlier]
    )


def _answers(
    orders: Sequence[NewOrder], earlier: Mapping[Scope, Earlier]
) -> dict[NewOrder, Placed | Exception]:
    """Returns the answers to orders with an id or a key of an earlier request."""
    placed = {scope: found for scope, found in earlier.items() if found.result != ABANDONED}
    answers: dict[NewOrder, Placed | Exception] = {}
    repeats: dict[NewOrder, UUID] = {}
    for order in orders:
        if earlier.keys().isdisjoint(order.scopes):
            continue
        if placed.keys().isdisjoint(order.scopes):
            answers[order] = _abandoned(order, earlier)
        elif reused := _reused(order, placed):
            answers[order] = reused
        else:
            repeats[order] = _order(order, placed)
    return answers | _shown(repeats)


def _abandoned(order: NewOrder, earlier: Mapping[Scope, Earlier]) -> DomainError:
    """Returns the refusal of an abandoned order; NotFound for an id of another customer."""
    marks = {earlier[scope].fingerprint for scope in order.scopes if scope in earlier}
    return OrderAbandoned() if marks == {mark_of(order.placement.actor)} else NotFound()


def _reused(order: NewOrder, earlier: Mapping[Scope, Earlier]) -> KeyReused | None:
    """Returns KeyReused if the key, and perhaps the id too, was used for a different request. (An
    id may be repeated without its key.)"""
    claimed = [(claim, earlier[claim.scope]) for claim in order.claims if claim.scope in earlier]
    differing = [c.scope.operation for c, e in claimed if e.fingerprint != c.fingerprint]
    what = [CHOSEN_ID if name == ORDER_ID else IDEMPOTENCY_KEY for name in differing]
    return KeyReused(what) if IDEMPOTENCY_KEY in what else None


def _order(order: NewOrder, earlier: Mapping[Scope, Earlier]) -> UUID:
    """Returns the order that an earlier request with this id or key placed."""
    return UUID(next(earlier[scope].result for scope in order.scopes if scope in earlier))


def _shown(repeats: Mapping[NewOrder, UUID]) -> dict[NewOrder, Placed | Exception]:
    """Returns the answers to requests that name an order that is there: the current order, only to
    its owner, if the request has the same content as the one that placed it."""
    if not repeats:
        return {}
    ids = list(repeats.values())
    contents, views = queries.placed_content(ids), queries.orders(ids)
    return {order: _repeat(order, contents.get(id), views.get(id)) for order, id in repeats.items()}


def _repeat(
    order: NewOrder, placed: queries.PlacedContent | None, view: queries.OrderView | None
) -> Placed | DomainError:
    if placed is None or view is None or placed.customer != order.placement.customer:
        return NotFound()
    return Placed(view, replayed=True) if _is_same(order, placed, view) else KeyReused([CHOSEN_ID])


def _is_same(order: NewOrder, placed: queries.PlacedContent, view: queries.OrderView) -> bool:
    """Returns whether the request has the content that was placed. The request for a cart has no
    lines; that it is the same request is already known from its key."""
    placement, content = order.placement, order.content
    if content is None:
        return False
    if not placed.lines and not placed.rest:
        # It was placed without a key and without an id: what was expected is not stored.
        is_alike = placement.lines_only or _details(view) == _details(placement)
        return is_alike and _units(view) == add_up(placement.lines)
    if placement.is_cart:
        return content.rest == placed.rest
    return content.lines == placed.lines and (placement.lines_only or content.rest == placed.rest)


def _units(view: queries.OrderView) -> dict[int, int]:
    return {line.product: line.quantity for line in view.lines}


def _details(of: queries.OrderView | Placement) -> tuple[object, ...]:
    return (of.note, of.reference, of.ship_to, of.requested_for)


def resolve_commit(written: Sequence[Written], lost: CommitUnknown) -> Exception | None:
    """Returns None if the transaction that wrote these orders was committed, an OperationalError if
    it was not, and `lost` if neither is certain in time."""
    committed = _was_committed(written[0].accepted) if written else False
    if committed is None:
        return lost
    commits.add(committed)
    return None if committed else OperationalError("the transaction was not committed")


def answer_unknown(
    orders: Sequence[NewOrder], written: Sequence[Written], lost: CommitUnknown
) -> dict[NewOrder, Exception]:
    """Returns the answers of a batch of which it is not known whether it was committed. A refused
    order had nothing to commit, so it can be repeated."""
    answers: dict[NewOrder, Exception] = {order: OperationalError(*lost.args) for order in orders}
    for one in written:
        unknown = CommitUnknown(*lost.args)
        unknown.is_repeatable = _is_repeatable(one.accepted.order.placement)
        answers[one.accepted.order] = unknown
    return answers


def _is_repeatable(placement: Placement) -> bool:
    """Returns whether a repeat would be recognised: by its id or key, or by the cart that it
    names."""
    names_cart = placement.draft is not None or (
        placement.cart is not None and placement.cart.version is not None
    )
    return placement.order_id is not None or placement.key is not None or names_cart


def _was_committed(accepted: Accepted) -> bool | None:
    """Returns whether the order was committed; None if it cannot be found out within
    FIND_WITHIN."""
    product, searching = accepted.lines[0].offer.id, Stopwatch()
    while (left := FIND_WITHIN - searching.seconds) > 0:
        try:
            return _look(product, accepted.order.event, left)
        except Error:
            waits.wait(Event(), min(TRY_EVERY, left))
    return None


def _look(product: int, event: UUID, seconds: float) -> bool:
    """Locks the stock row, and returns whether the event exists. Uses another connection than the
    lost one, which is closed. Commits nothing. Raises Error."""
    with answers_within(seconds), transaction.atomic(durable=True):
        database.limit_lock_wait(seconds)
        inventory.lock_only([product])
        found = bool(queries.orders_of([event]))
        transaction.set_rollback(True)
        return found
