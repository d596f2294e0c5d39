"""Placing one order: the way in for everybody. Orders that come at the same time go together."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import Error

from larder.core import telemetry
from larder.core.batch_queue import BatchQueue, Limits
from larder.core.errors import DomainError, Overloaded
from larder.core.per_key import PlacesPerKey
from larder.core.stopwatch import Stopwatch
from larder.db import database
from larder.db.postgresql.errors import CommitUnknown
from larder.db.postgresql.pool import prioritized
from larder.identity import quotas
from larder.inventory.services import locks
from larder.orders.services.contended import Contended, ContendedLane, Row
from larder.orders.services.place_orders import Beside, place_candidates
from larder.orders.services.placement import Candidate, Placed, Placement, Terms, candidate

logger = logging.getLogger(__name__)

LIMITS = Limits(
    max_batch_size=128,
    max_batch_lines=2_000,
    queue_capacity=256,
    queue_timeout=5.0,
    fail_fast_after=1.0,
)

LINES_OF_A_CART = 100
"""What a cart counts as: its lines are known only under its lock."""

MOST_LINES_OF_A_CUSTOMER = 2_000
"""Lines of one customer's orders that a process places or lets wait at a time, as many as one batch
has: with more, orders of one customer alone would fill each batch."""

LOCK_WAIT = 0.1
"""Seconds for which a batch waits for a lock: longer than another batch keeps one. All orders
behind the batch wait as well, and their p99 stays below one second when a lock becomes contended:
they may wait for the other process's batch, then for this lock."""

LOCK_WAIT_AGAIN = 0.2
"""Seconds for the orders of a batch that got no lock, once those of contended rows are excluded. A
little longer than LOCK_WAIT, for which a batch of another process may keep some of these rows while
it waits for the same lock."""

LOCK_WAIT_LATER = 0.02
"""Seconds for each order that is tried alone, once those before it have taken LOCK_WAIT together:
all orders behind the batch wait for them, and rows of orders that are being placed are free
sooner."""

LANE_WAIT = 5.0
"""Seconds for which an order in the contended lane waits for locks."""

MOST_CONTENDED = 3
"""Orders of one process that wait in the contended lane."""


@dataclass(slots=True)
class _Asked:
    """An order in the queue. Its own thread prepares `candidate`, not the leader that others wait
    for. What a transaction that failed has found out about it stays in it."""

    placement: Placement
    candidate: Candidate
    now: datetime

    @property
    def rows(self) -> frozenset[Row]:
        """The rows that it locks, as far as they are known: the products of a cart's lines are
        known once they were read under the cart's lock."""
        return self.candidate.stock_rows | self.candidate.cart_rows


def place_order(asked: Placement, *, terms: Terms, now: datetime) -> Placed:
    """Places one order, wholly or not at all, in one transaction with those that wait with it.
    Notes what is left of the customer's quota (larder/identity/quotas.py).

    Raises the refusals that `place_orders` returns, and Overloaded, with nothing done.
    """
    placed = _place_one(asked, terms, now)
    quotas.note(placed.left)
    return placed


def _place_one(asked: Placement, terms: Terms, now: datetime) -> Placed:
    lines = LINES_OF_A_CART if asked.is_draft else len(asked.lines)
    with _customers.place(asked.customer, lines), prioritized():
        one = _Asked(asked, candidate(asked), now)
        if _contended.is_contended(one.rows):
            return _place_contended(one, terms)
        try:
            return _queue(terms).submit(one, lines=lines)
        except Contended:
            return _place_contended(one, terms)


_customers = PlacesPerKey(MOST_LINES_OF_A_CUSTOMER)


_contended = ContendedLane(MOST_CONTENDED)


def _place_contended(one: _Asked, terms: Terms) -> Placed:
    with _contended.place():
        running = Stopwatch()
        with _contended.waiting(one.candidate.cart_rows):
            answer = _wait_and_place(one, terms)
        alone = telemetry.Batch((0.0,), (answer,), running.seconds, waiting=0)
    telemetry.placing.batch_done(alone)
    if isinstance(answer, Exception):
        raise answer
    return answer


def _wait_and_place(one: _Asked, terms: Terms) -> Placed | Exception:
    """Places an order alone once the rows that are contended are free. While it waits for one of
    them it keeps no other locked, for that one would be contended as well."""
    rows, waiting = _contended.contended(one.rows), Stopwatch()
    answer: Placed | Exception = Overloaded()
    while (left := LANE_WAIT - waiting.seconds) > 0:
        try:
            _wait_until_free(rows, left)
            answer = _place_alone(one, terms, Beside(lock_wait=LOCK_WAIT))
            if not database.is_lock_timeout(answer):
                return answer
            rows = frozenset(locks.find_locked(one.candidate.stock_rows))
        except Error as error:
            return error
    return answer


def _wait_until_free(rows: Iterable[Row], seconds: float) -> None:
    """Raises OperationalError. A cart is not waited for here, but when it is placed: that comes
    before any stock is locked."""
    waiting = Stopwatch()
    for product in sorted([row for row in rows if isinstance(row, int)]):
        with _contended.waiting([product]):
            locks.wait_until_free(product, seconds - waiting.seconds)


_queues: dict[Terms, BatchQueue[_Asked, Placed]] = {}


def _queue(terms: Terms) -> BatchQueue[_Asked, Placed]:
    """Returns the queue of this process. A batch has one set of terms; so has an installation."""
    found = _queues.get(terms)
    if found is not None:
        return found
    made: BatchQueue[_Asked, Placed] = BatchQueue(
        lambda batch: _place(batch, terms), LIMITS, telemetry.placing, unknown=_thread_ended
    )
    # Of two threads that both made one, the second takes the first one's.
    return _queues.setdefault(terms, made)


def _thread_ended() -> CommitUnknown:
    return CommitUnknown("a thread was ended")


def _place(batch: Sequence[_Asked], terms: Terms) -> Sequence[Placed | Exception]:
    """Returns an answer for each. Orders of contended rows are not tried here."""
    contended = [_contended.is_contended(one.rows) for one in batch]
    free = [one for one, waits in zip(batch, contended, strict=True) if not waits]
    answers = iter(_place_free(free, terms) if free else ())
    return [Contended() if waits else next(answers) for waits in contended]


def _place_free(group: Sequence[_Asked], terms: Terms) -> Sequence[Placed | Exception]:
    beside = Beside(lock_wait=LOCK_WAIT, is_contended=_contended.is_contended)
    answers = _place_batch(group, terms, beside)
    is_locked = any(map(database.is_lock_timeout, answers))
    if is_locked:
        answers = _place_without_kept(group, answers, terms)
    return _try_failed_alone(group, answers, terms) if is_locked or len(group) > 1 else answers


def _place_batch(
    group: Sequence[_Asked], terms: Terms, beside: Beside
) -> Sequence[Placed | Exception]:
    return place_candidates(
        [one.candidate for one in group],
        terms=terms,
        # A repeat is told by what it asks for, so the moment may be that of the youngest.
        now=max(one.now for one in group),
        beside=beside,
    )


def _place_without_kept(
    group: Sequence[_Asked], answers: Sequence[Placed | Exception], terms: Terms
) -> Sequence[Placed | Exception]:
    """Places those orders of a batch together again that failed because of a lock, except those
    of products that another transaction keeps locked: they are Contended. Places none if no
    product is: the lock was that of a cart, a key or an id, or is free by now."""
    late = [at for at, answer in enumerate(answers) if database.is_lock_timeout(answer)]
    _mark_kept([group[at] for at in late])
    contended = {at for at in late if _contended.is_contended(group[at].rows)}
    found = [Contended() if at in contended else answer for at, answer in enumerate(answers)]
    if again := [at for at in late if contended and at not in contended]:
        for at in again:
            group[at].candidate = candidate(group[at].placement)
        beside = Beside(lock_wait=LOCK_WAIT_AGAIN, is_contended=_contended.is_contended)
        placed = _place_batch([group[at] for at in again], terms, beside)
        for at, answer in zip(again, placed, strict=True):
            found[at] = answer
    return found


def _mark_kept(orders: Sequence[_Asked]) -> None:
    """Marks those products of the orders, and no other, that another transaction keeps locked."""
    products = {product for one in orders for product in one.candidate.stock_rows}
    try:
        _contended.mark_contended(locks.find_contended(products))
    except Error:
        # The orders are tried alone then, and each gets what the database says.
        logger.warning("It is unknown which products are locked.", exc_info=True)


def _try_failed_alone(
    group: Sequence[_Asked], answers: Sequence[Placed | Exception], terms: Terms
) -> list[Placed | Exception]:
    """What failed for a group must fail only for the orders that it fails for."""
    found, trying = list(answers), Stopwatch()
    for at, (one, answer) in enumerate(zip(group, answers, strict=True)):
        if not _is_worth_another_try(answer):
            continue
        if _contended.is_contended(one.rows):
            found[at] = Contended()
            continue
        lock_wait = LOCK_WAIT_AGAIN if trying.seconds < LOCK_WAIT else LOCK_WAIT_LATER
        beside = Beside(lock_wait=lock_wait, is_contended=_contended.is_contended)
        found[at] = _place_alone(one, terms, beside)
        if database.is_lock_timeout(found[at]):
            _contended.mark_contended(one.candidate.cart_rows)
            found[at] = Contended()
    return found


def _place_alone(one: _Asked, terms: Terms, beside: Beside) -> Placed | Exception:
    one.candidate = candidate(one.placement)
    (answer,) = place_candidates([one.candidate], terms=terms, now=one.now, beside=beside)
    return answer


def _is_worth_another_try(answer: Placed | Exception) -> bool:
    """A failure, not a refusal; and nothing of it is left, so that nothing is placed twice."""
    if not isinstance(answer, Exception) or isinstance(answer, DomainError | Contended):
        return False
    return database.was_rolled_back(answer)
