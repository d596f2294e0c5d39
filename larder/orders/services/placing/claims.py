"""Repeated requests, carts and lost commits: what was placed already is not placed again.

Claims ids and keys, answers repeats, and gives claims back (`claim`, `settle_claims`). Takes the
carts as the requests have read them, or not at all (`lock_carts`). If the answer to a COMMIT was
lost, finds out whether the transaction was committed (`resolve_commit`).

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

import msgspec
from django.db import Error, OperationalError, transaction

from larder.core import waits
from larder.core.errors import (
    CHOSEN_ID,
    IDEMPOTENCY_KEY,
    DomainError,
    KeyReused,
    NotFound,
    StaleVersion,
)
from larder.core.ids import SYSTEM_ACTOR
from larder.core.stopwatch import Stopwatch
from larder.db import database, idempotency
from larder.db.idempotency import Claim, Earlier, Scope
from larder.db.postgresql.errors import CommitUnknown
from larder.inventory.services import movements as inventory
from larder.orders import queries
from larder.orders.decision import add_up
from larder.orders.errors import AlreadySubmitted, CartEmpty, OrderAbandoned
from larder.orders.models import Order
from larder.orders.queries import event_log
from larder.orders.services.placing.placement import (
    ABANDONED,
    ORDER_ID,
    Accepted,
    CartChanged,
    ExpectedCart,
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

FINGERPRINT_BYTES = 32
"""The length of what `fingerprint` returns."""

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
    unclaimed = {order: order.id for order in chosen if order not in answers and order.id in taken}
    return earlier.keys(), answers | _unclaimed(unclaimed)


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
    answers: dict[NewOrder, Placed | Exception] = {}
    repeats: dict[NewOrder, UUID] = {}
    others: set[NewOrder] = set()
    for order in orders:
        claimed = [
            (claim, earlier[claim.scope]) for claim in order.claims if claim.scope in earlier
        ]
        placed = [(claim, found) for claim, found in claimed if found.result != ABANDONED]
        differing = [claim.scope for claim, found in placed if not _is_same(order, claim, found)]
        if claimed and not placed:
            answers[order] = _abandoned(order, [found for _, found in claimed])
        elif any(scope.operation != ORDER_ID for scope in differing):
            answers[order] = KeyReused([_name(scope) for scope in differing])
        elif placed:
            repeats[order] = UUID(placed[0][1].result)
            if differing:
                others.add(order)
    views = _views(repeats)
    return answers | {
        order: _shown(order, views.get(id), is_same=order not in others)
        for order, id in repeats.items()
    }


def _is_same(order: NewOrder, claim: Claim, earlier: Earlier) -> bool:
    """Returns whether the earlier request with this id or key had the same content. The fingerprint
    of an id begins with that of the lines."""
    if order.placement.lines_only and claim.scope.operation == ORDER_ID:
        return earlier.fingerprint.startswith(claim.fingerprint[:FINGERPRINT_BYTES])
    return earlier.fingerprint == claim.fingerprint


def _name(scope: Scope) -> str:
    return CHOSEN_ID if scope.operation == ORDER_ID else IDEMPOTENCY_KEY


def _abandoned(order: NewOrder, earlier: Sequence[Earlier]) -> DomainError:
    """Returns the refusal of an abandoned order; NotFound for an id of another customer."""
    marks = {found.fingerprint for found in earlier}
    return OrderAbandoned() if marks == {mark_of(order.placement.actor)} else NotFound()


def _unclaimed(repeats: Mapping[NewOrder, UUID]) -> dict[NewOrder, Placed | Exception]:
    """Returns the answers to orders with an id that the shop gave to an order or a cart, which no
    client claimed: what was sent for it is not stored."""
    views = _views(repeats)
    return {
        order: _shown(order, view, is_same=view is not None and _is_alike(order.placement, view))
        for order, id in repeats.items()
        for view in [views.get(id)]
    }


def _views(repeats: Mapping[NewOrder, UUID]) -> Mapping[UUID, queries.OrderView]:
    return queries.orders(list(repeats.values())) if repeats else {}


def _shown(
    order: NewOrder, view: queries.OrderView | None, *, is_same: bool
) -> Placed | DomainError:
    """Returns the answer to a request that names an order that is there: the current order, only to
    its owner, if the request has the same content as the one that placed it."""
    if view is None or view.customer != order.placement.customer:
        return NotFound()
    return Placed(view, replayed=True) if is_same else KeyReused([CHOSEN_ID])


def _is_alike(placement: Placement, view: queries.OrderView) -> bool:
    """Returns whether the order has what the request asks for."""
    units = {line.product: line.quantity for line in view.lines}
    has_details = placement.lines_only or _details(view) == _details(placement)
    return has_details and units == add_up(placement.lines)


def _details(of: queries.OrderView | Placement) -> tuple[object, ...]:
    return (of.note, of.reference, of.ship_to, of.requested_for)


def lock_carts(orders: Sequence[NewOrder]) -> dict[NewOrder, Exception]:
    """Locks the carts that are placed. Returns the answers to the orders whose cart is not placed.

    Refusals: NotFound (unknown, or of another customer), AlreadySubmitted, CartEmpty, StaleVersion,
    OrderAbandoned (the cart that was named or read has another id now), and CartChanged. The locks
    last until the transaction ends.
    """
    of_carts = [order for order in orders if order.placement.cart is not None]
    refused = {
        order: refusal for order in of_carts if (refusal := _cart_refusal(order)) is not None
    }
    waiting = [
        (order, {"customer": row.customer, "id": row.id, "version": row.version})
        for order in left(of_carts, refused)
        if (row := order.cart) is not None
    ]
    # Rows are locked in the order of the customers.
    waiting.sort(key=lambda pair: pair[1]["customer"] or 0)
    read = msgspec.json.encode([row for _, row in waiting]).decode()
    locked = {id for (id,) in database.rows(carts.LOCK_UNCHANGED, [read])} if waiting else set()
    changed = {order: CartChanged() for order, row in waiting if row["customer"] not in locked}
    return {**refused, **changed, **_abandoned_carts({**refused, **changed})}


def _cart_refusal(order: NewOrder) -> DomainError | None:
    row, expected = order.cart, order.placement.cart or ExpectedCart()
    if expected.id is not None and (row is None or row.id != expected.id):
        orders = Order.objects.filter(id=order.id, customer_id=order.placement.customer)
        return AlreadySubmitted() if orders.exists() else NotFound()
    version = expected.version
    if row is None:
        return StaleVersion(0) if version and version.version != 0 else CartEmpty()
    if version and version != (row.id, row.version):
        return StaleVersion(row.version)
    return None if row.lines else CartEmpty()


def _abandoned_carts(answers: Mapping[NewOrder, Exception]) -> dict[NewOrder, Exception]:
    """Returns OrderAbandoned for orders whose cart has another id now, because its customer
    abandoned the former id."""
    scopes = [
        (Scope(SYSTEM_ACTOR, ORDER_ID, str(id)), order)
        for order, answer in answers.items()
        if isinstance(answer, StaleVersion | CartEmpty | NotFound | CartChanged)
        for id in _cart_ids(order)
    ]
    earlier = idempotency.find([scope for scope, _ in scopes])
    return {
        order: OrderAbandoned()
        for scope, order in scopes
        if earlier.get(scope) == Earlier(mark_of(order.placement.actor), ABANDONED)
    }


def _cart_ids(order: NewOrder) -> set[UUID]:
    """Returns the ids of the carts that the request named or found."""
    named = order.placement.cart.named if order.placement.cart else None
    read = order.cart.id if order.cart else None
    return {id for id in (named, read) if id is not None}


def resolve_commit(written: Sequence[Written], lost: CommitUnknown) -> Exception | None:
    """Returns None if the transaction that wrote these orders was committed, an OperationalError if
    it was not, and `lost` if neither is certain in time."""
    committed = _was_committed(written[0].accepted) if written else False
    if committed is None:
        return lost
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
    names_cart = placement.cart is not None and placement.cart.is_named
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
    with database.answers_within(seconds), transaction.atomic(durable=True):
        database.limit_lock_wait(seconds)
        inventory.lock_only([product])
        found = bool(event_log.orders_of([event]))
        transaction.set_rollback(True)
        return found
