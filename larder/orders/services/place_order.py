"""Places one order, for all APIs. Orders that arrive at the same time are placed in one batch."""

import logging
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
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
from larder.orders.services import refusals
from larder.orders.services.contended import BATCH_TURN, Contended, ContendedLane, Row
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
"""The number of lines that a cart counts as: its lines are known only under its lock."""

MOST_LINES_OF_AN_ACCOUNT = 2_000
"""Lines of the orders of one account, also of those that staff place for customers, that are placed
or wait in a process at a time, as many as one batch has. With more, it could fill each batch."""

LOCK_WAIT = 0.1
"""Seconds for which a batch waits for a lock: longer than another batch keeps one. All later orders
wait too, first perhaps for the batch of another process and then for this lock. Their p99 stays
below one second when a lock becomes contended."""

LOCK_WAIT_AGAIN = 0.2
"""Seconds for which the remaining orders of a batch wait for locks, after orders of contended rows
were excluded. A little longer than LOCK_WAIT, because a batch of another process may keep some of
these rows for LOCK_WAIT while it waits for the same lock."""

LOCK_WAIT_LATER = 0.02
"""Seconds for which each order that is tried alone waits for locks, after those before it have
waited LOCK_WAIT in all. All later orders wait for them, and rows of orders that are being placed
are free sooner."""

LANE_WAIT = 5.0
"""Seconds for which an order in the contended lane waits for locks."""

MOST_CONTENDED = 3
"""Orders of one process that wait in the contended lane."""


@dataclass(slots=True)
class _QueuedOrder:
    """An order in the queue. Its thread prepares `candidate` before it enters the queue, so that
    the batch need not. Results of a failed transaction are kept in it."""

    placement: Placement
    candidate: Candidate
    now: datetime

    @property
    def rows(self) -> frozenset[Row]:
        """The rows that it locks, if they are known: the products of a cart are known only after
        its lines were read under its lock."""
        return self.candidate.stock_rows | self.candidate.cart_rows


def place_order(placement: Placement, *, terms: Terms, now: datetime) -> Placed:
    """Places one order, completely or not at all, in one transaction with the others of its batch.
    Reports the remaining units of the customer's quota (larder/identity/quotas.py), and counts the
    order if it is refused (refusals.py): all APIs and the admin place orders here.

    Raises the refusals that `place_candidates` returns, and Overloaded, without any effect.
    """
    try:
        placed = _place_one(placement, terms, now)
    except DomainError as refusal:
        refusals.note(refusal, now=now)
        raise
    quotas.note(placed.left)
    return placed


def _place_one(placement: Placement, terms: Terms, now: datetime) -> Placed:
    lines = LINES_OF_A_CART if placement.is_draft else len(placement.lines)
    with _accounts.place(placement.actor, lines), _turn(placement), prioritized():
        one = _QueuedOrder(placement, candidate(placement), now)
        if _contended.is_contended(one.rows):
            return _place_contended(one, terms)
        try:
            return _queue(terms).submit(one, lines=lines)
        except Contended:
            return _place_contended(one, terms)


_accounts = PlacesPerKey(MOST_LINES_OF_AN_ACCOUNT)


def _turn(placement: Placement) -> AbstractContextManager[None]:
    """Returns a context that places one large order of an account at a time. Otherwise such orders,
    in the batches of several processes, would keep the rows of their products locked, and fill the
    contended lanes. Carts count as small: a customer has one."""
    is_large = len(placement.lines) >= locks.LARGE_MOVE
    return locks.one_large(placement.actor) if is_large else nullcontext()


_contended = ContendedLane(MOST_CONTENDED)


def _place_contended(one: _QueuedOrder, terms: Terms) -> Placed:
    with _contended.place():
        running = Stopwatch()
        with _contended.waiting(one.candidate.cart_rows):
            answer = _wait_and_place(one, terms)
        alone = telemetry.Batch((0.0,), (answer,), running.seconds, waiting=0)
    telemetry.placing.batch_done(alone)
    if isinstance(answer, Exception):
        raise answer
    return answer


def _wait_and_place(one: _QueuedOrder, terms: Terms) -> Placed | Exception:
    """Places an order alone after its contended rows are free. While it waits for one row it holds
    no lock on another, which would become contended too."""
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
    """Waits for the lock of each row, without keeping it. Does not wait for carts: placing waits
    for them, before it locks stock. Raises OperationalError."""
    waiting = Stopwatch()
    for product in sorted([row for row in rows if isinstance(row, int)]):
        with _contended.waiting([product]):
            locks.wait_until_free(product, seconds - waiting.seconds)


_queues: dict[Terms, BatchQueue[_QueuedOrder, Placed]] = {}


def _queue(terms: Terms) -> BatchQueue[_QueuedOrder, Placed]:
    """Returns the queue of this process. All orders of an installation have the same terms."""
    found = _queues.get(terms)
    if found is not None:
        return found
    made: BatchQueue[_QueuedOrder, Placed] = BatchQueue(
        lambda batch: _place(batch, terms),
        LIMITS,
        telemetry.placing,
        turn=BATCH_TURN,
        unknown=_thread_ended,
    )
    # If two threads make a queue, both use the first one.
    return _queues.setdefault(terms, made)


def _thread_ended() -> CommitUnknown:
    return CommitUnknown("a thread was ended")


def _place(batch: Sequence[_QueuedOrder], terms: Terms) -> Sequence[Placed | Exception]:
    """Returns an answer for each order. Orders of contended rows are not placed here."""
    contended = [_contended.is_contended(one.rows) for one in batch]
    free = [one for one, waits in zip(batch, contended, strict=True) if not waits]
    answers = iter(_place_free(free, terms) if free else ())
    return [Contended() if waits else next(answers) for waits in contended]


def _place_free(batch: Sequence[_QueuedOrder], terms: Terms) -> Sequence[Placed | Exception]:
    beside = Beside(lock_wait=LOCK_WAIT, is_contended=_contended.is_contended)
    answers = _place_batch(batch, terms, beside)
    is_locked = any(map(database.is_lock_timeout, answers))
    if is_locked:
        answers = _place_without_kept(batch, answers, terms)
    return _try_failed_alone(batch, answers, terms) if is_locked or len(batch) > 1 else answers


def _place_batch(
    batch: Sequence[_QueuedOrder], terms: Terms, beside: Beside
) -> Sequence[Placed | Exception]:
    return place_candidates(
        [one.candidate for one in batch],
        terms=terms,
        # Repeats are recognised by their content, so all orders can have the time of the latest
        # one.
        now=max(one.now for one in batch),
        beside=beside,
    )


def _place_without_kept(
    batch: Sequence[_QueuedOrder], answers: Sequence[Placed | Exception], terms: Terms
) -> Sequence[Placed | Exception]:
    """Places the orders of a batch that failed because of a lock once more, except those of
    products that another transaction keeps locked, which are Contended. Places none if no product
    is locked: then the lock was that of a cart, a key or an id, or is free now."""
    late = [at for at, answer in enumerate(answers) if database.is_lock_timeout(answer)]
    _mark_kept([batch[at] for at in late])
    contended = {at for at in late if _contended.is_contended(batch[at].rows)}
    found = [Contended() if at in contended else answer for at, answer in enumerate(answers)]
    if again := [at for at in late if contended and at not in contended]:
        for at in again:
            batch[at].candidate = candidate(batch[at].placement)
        beside = Beside(lock_wait=LOCK_WAIT_AGAIN, is_contended=_contended.is_contended)
        placed = _place_batch([batch[at] for at in again], terms, beside)
        for at, answer in zip(again, placed, strict=True):
            found[at] = answer
    return found


def _mark_kept(orders: Sequence[_QueuedOrder]) -> None:
    """Marks the products of the orders that another transaction keeps locked."""
    products = {product for one in orders for product in one.candidate.stock_rows}
    try:
        _contended.mark_contended(locks.find_contended(products))
    except Error:
        # Then each order is tried alone, and gets its own error.
        logger.warning(
            "It is unknown which products are locked. If this repeats, check that the database"
            " answers.",
            exc_info=True,
        )


def _try_failed_alone(
    batch: Sequence[_QueuedOrder], answers: Sequence[Placed | Exception], terms: Terms
) -> list[Placed | Exception]:
    """Tries each failed order of a batch alone, so that only orders that cause the failure fail."""
    found, trying = list(answers), Stopwatch()
    for at, (one, answer) in enumerate(zip(batch, answers, strict=True)):
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


def _place_alone(one: _QueuedOrder, terms: Terms, beside: Beside) -> Placed | Exception:
    one.candidate = candidate(one.placement)
    (answer,) = place_candidates([one.candidate], terms=terms, now=one.now, beside=beside)
    return answer


def _is_worth_another_try(answer: Placed | Exception) -> bool:
    """Returns whether the answer is a failure, not a refusal, and was certainly rolled back, so
    that nothing is placed twice."""
    if not isinstance(answer, Exception) or isinstance(answer, DomainError | Contended):
        return False
    return database.was_rolled_back(answer)
