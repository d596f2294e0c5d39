"""Repeated requests and lost commits: what was placed already is not placed again.

Claims ids and keys, answers repeats, and gives claims back. If the answer to a COMMIT was lost,
finds out whether the transaction was committed (`resolve_commit`).

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
from larder.orders.errors import OrderAbandoned
from larder.orders.services.placing.placement import (
    ABANDONED,
    ORDER_ID,
    Candidate,
    Placed,
    mark_of,
    unanswered,
)

FIND_WITHIN = 2.5
"""Seconds, including the wait for a connection, so that a client gets its answer within three
seconds if the database does not answer."""

TRY_EVERY = 0.1
"""Seconds between two attempts."""


def separate_repeats(
    waiting: Sequence[Candidate],
) -> tuple[list[Candidate], list[Candidate]]:
    """Returns the orders that can be placed in one transaction, and those whose key, id or draft
    another of them has.

    Equal requests are placed in different transactions: one claim can answer only one of them, and
    a draft that one of them places is not a draft for the next.
    """
    batch: list[Candidate] = []
    later: list[Candidate] = []
    seen: set[object] = set()
    for one in waiting:
        names = one.names
        (later if seen.intersection(names) else batch).append(one)
        seen.update(names)
    return batch, later


def claim_and_replay(batch: Sequence[Candidate], *, now: datetime) -> Collection[Scope]:
    """Claims all ids and keys, in a fixed order, and answers repeats of earlier requests.

    Returns the scopes that earlier requests had claimed. Waits for equal requests in flight.
    """
    claims = [claim for one in batch for claim in one.claims]
    claiming = idempotency.submit_claim(claims, now=now)
    chosen = [one for one in batch if one.placement.order_id is not None]
    finding = queries.submit_existing([one.id for one in chosen])
    earlier = claiming()
    if earlier:
        _replay([one for one in batch if not earlier.keys().isdisjoint(one.scopes)], earlier)
    _answer_unclaimed(unanswered(chosen), finding())
    return earlier.keys()


def settle_carts(batch: Sequence[Candidate]) -> None:
    """Records the order in the claims of the keys with which a cart was placed."""
    placed = [one for one in batch if one.placement.cart is not None and one.written is not None]
    idempotency.settle({scope: str(one.id) for one in placed for scope in one.scopes})


def release_unused(batch: Sequence[Candidate], earlier: Collection[Scope]) -> None:
    """Deletes the claims of requests that placed nothing: the same request may succeed after a
    refusal, and a repeat that is recognised by the order's id finds the order again."""
    unused = [one for one in batch if one.written is None]
    idempotency.release([scope for one in unused for scope in one.scopes if scope not in earlier])


def _replay(repeated: Sequence[Candidate], earlier: Mapping[Scope, Earlier]) -> None:
    placed = {scope: found for scope, found in earlier.items() if found.result != ABANDONED}
    for one in repeated:
        is_placed = not placed.keys().isdisjoint(one.scopes)
        one.answer = _reused(one, placed) if is_placed else _abandoned(one, earlier)
    _show([(one, _order(one, placed)) for one in repeated if one.answer is None])


def _abandoned(one: Candidate, earlier: Mapping[Scope, Earlier]) -> DomainError:
    """Returns the refusal of an abandoned order; NotFound for an id of another customer."""
    marks = {earlier[scope].fingerprint for scope in one.scopes if scope in earlier}
    return OrderAbandoned() if marks == {mark_of(one.placement.actor)} else NotFound()


def _answer_unclaimed(chosen: Sequence[Candidate], taken: Collection[UUID]) -> None:
    """Answers repeats with ids that the shop gave to an order or a draft, which no client
    claimed."""
    if taken:
        _show([(one, one.id) for one in chosen if one.id in taken])


def _show(known: Sequence[tuple[Candidate, UUID]]) -> None:
    ids = [order for _, order in known]
    content, views = queries.placed_content(ids), queries.orders(ids)
    for one, order in known:
        one.answer = _repeat(one, content.get(order), views.get(order))


def _reused(one: Candidate, earlier: Mapping[Scope, Earlier]) -> KeyReused | None:
    """Returns KeyReused if the key, and perhaps the id too, was used for a different request. (An
    id may be repeated without its key.)"""
    found = [(claim, earlier[claim.scope]) for claim in one.claims if claim.scope in earlier]
    differing = [c.scope.operation for c, e in found if e.fingerprint != c.fingerprint]
    what = [CHOSEN_ID if name == ORDER_ID else IDEMPOTENCY_KEY for name in differing]
    return KeyReused(what) if IDEMPOTENCY_KEY in what else None


def _order(one: Candidate, earlier: Mapping[Scope, Earlier]) -> UUID:
    """Returns the order that an earlier request with this id or key placed."""
    return UUID(next(earlier[scope].result for scope in one.scopes if scope in earlier))


def _repeat(
    one: Candidate,
    content: queries.PlacedContent | None,
    order: queries.OrderView | None,
) -> Placed | DomainError:
    """Returns the current order, only to its owner, if the request has the same content as the one
    that placed it. Otherwise returns the refusal."""
    if content is None or order is None or content.customer != one.placement.customer:
        return NotFound()
    return Placed(order, replayed=True) if _is_same(one, content) else KeyReused([CHOSEN_ID])


def _is_same(one: Candidate, content: queries.PlacedContent) -> bool:
    """Returns whether the request has the content that was placed. The request for a draft has no
    lines; that it is the same request is already known from its key."""
    if one.placement.is_draft:
        return content.rest == one.rest_fingerprint
    if one.placement.lines_only:
        return content.lines == one.lines_fingerprint
    return (content.lines, content.rest) == (one.lines_fingerprint, one.rest_fingerprint)


def resolve_commit(batch: Sequence[Candidate], lost: CommitUnknown) -> Exception | None:
    """Returns None if the batch's transaction was committed, an OperationalError if it was not,
    and `lost` if neither is certain in time."""
    written = [one for one in batch if one.written is not None]
    committed = _was_committed(written[0]) if written else False
    if committed is None:
        return lost
    commits.add(committed)
    return None if committed else OperationalError("the transaction was not committed")


def answer_unknown(batch: Sequence[Candidate], lost: CommitUnknown) -> None:
    """Answers each order of a batch of which it is not known whether it was committed. A refused
    order had nothing to commit, so it can be repeated."""
    for one in batch:
        if one.written is None:
            one.answer = OperationalError(*lost.args)
        else:
            one.answer = CommitUnknown(*lost.args)
            one.answer.is_repeatable = _is_repeatable(one)


def _is_repeatable(one: Candidate) -> bool:
    """Returns whether a repeat would be recognised: by its id or key, or by the cart that it
    names."""
    placement = one.placement
    names_cart = placement.draft is not None or (
        placement.cart is not None and placement.cart.version is not None
    )
    return placement.order_id is not None or placement.key is not None or names_cart


def _was_committed(one: Candidate) -> bool | None:
    """Returns whether the order was committed; None if it cannot be found out within
    FIND_WITHIN."""
    product, searching = one.lines[0].offer.id, Stopwatch()
    while (left := FIND_WITHIN - searching.seconds) > 0:
        try:
            return _look(product, one.event, left)
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
