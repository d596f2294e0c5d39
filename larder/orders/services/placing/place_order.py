"""Places one order, for all APIs, in one transaction with those that arrive at the same time.

An order waits in the queue of its process for the transaction of its batch (place_batch.py). Orders
that fail because of a lock or of another order are tried again; those of contended rows are placed
alone, in the contended lane (contended.py).
"""

import logging
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime

from django.db import Error

from larder.core import telemetry
from larder.core.batch_queue import BatchQueue, Limits
from larder.core.errors import DomainError, Overloaded
from larder.core.per_key import SlotsPerKey
from larder.core.stopwatch import Stopwatch
from larder.db import database
from larder.db.postgresql.errors import CommitUnknown
from larder.db.postgresql.pool import prioritized
from larder.identity.services import quotas
from larder.inventory.services import locks
from larder.orders.services import refusals
from larder.orders.services.placing.contended import BATCH_LOCK, Contended, ContendedLane, Row
from larder.orders.services.placing.place_batch import BatchOptions, place_batch
from larder.orders.services.placing.placement import Candidate, Placed, Placement, Terms, candidate

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
    the batch need not. Results of a failed transaction are kept in it. The orders of a batch have
    the same terms."""

    placement: Placement
    candidate: Candidate
    terms: Terms
    now: datetime

    @property
    def rows(self) -> frozenset[Row]:
        """The rows that it locks, if they are known: the products of a cart are known only after
        its lines were read under its lock."""
        return self.candidate.stock_rows | self.candidate.cart_rows


def place_order(placement: Placement, *, terms: Terms, now: datetime) -> Placed:
    """Places one order, completely or not at all, in one transaction with the others of its batch.
    Reports the remaining units of the customer's quota (larder/identity/services/quotas.py), and
    counts the order if it is refused (refusals.py): all APIs and the admin place orders here.

    Raises the refusals that `place_batch` returns, and Overloaded, without any effect.
    """
    try:
        placed = _place_one(placement, terms, now)
    except DomainError as refusal:
        refusals.note(refusal, now=now)
        raise
    quotas.note(placed.remaining)
    return placed


def _place_one(placement: Placement, terms: Terms, now: datetime) -> Placed:
    lines = LINES_OF_A_CART if placement.is_draft else len(placement.lines)
    with _accounts.hold(placement.actor, lines), _large_order_lock(placement), prioritized():
        order = _QueuedOrder(placement, candidate(placement), terms, now)
        if not _is_contended(order):
            with suppress(Contended):
                return _queue(terms).submit(order, lines=lines)
        return _place_contended(order)


_accounts = SlotsPerKey(MOST_LINES_OF_AN_ACCOUNT)


def _large_order_lock(placement: Placement) -> AbstractContextManager[None]:
    """Returns a context that places one large order of an account at a time. Otherwise such orders,
    in the batches of several processes, would keep the rows of their products locked, and fill the
    contended lanes. Carts count as small: a customer has one."""
    is_large = len(placement.lines) >= locks.LARGE_MOVE
    return locks.one_large(placement.actor) if is_large else nullcontext()


_queues: dict[Terms, BatchQueue[_QueuedOrder, Placed]] = {}


def _queue(terms: Terms) -> BatchQueue[_QueuedOrder, Placed]:
    """Returns the queue of this process. All orders of an installation have the same terms."""
    found = _queues.get(terms)
    if found is not None:
        return found
    made: BatchQueue[_QueuedOrder, Placed] = BatchQueue(
        _place_queued,
        LIMITS,
        telemetry.placing,
        lock=BATCH_LOCK,
        unknown=_thread_ended,
    )
    # If two threads make a queue, both use the first one.
    return _queues.setdefault(terms, made)


def _thread_ended() -> CommitUnknown:
    return CommitUnknown("a thread was ended")


def _place_queued(batch: Sequence[_QueuedOrder]) -> Sequence[Placed | Exception]:
    """Returns an answer for each order: Contended for those of contended rows, which are not placed
    here."""
    contended = [_is_contended(order) for order in batch]
    free = [order for order, waits in zip(batch, contended, strict=True) if not waits]
    answers = iter(_place_free(free) if free else ())
    return [Contended() if waits else next(answers) for waits in contended]


def _place_free(batch: Sequence[_QueuedOrder]) -> Sequence[Placed | Exception]:
    answers = _place(batch, _options(LOCK_WAIT))
    is_locked = any(map(database.is_lock_timeout, answers))
    if is_locked:
        answers = _place_without_kept(batch, answers)
    return _try_failed_alone(batch, answers) if is_locked or len(batch) > 1 else answers


def _options(lock_wait: float) -> BatchOptions:
    return BatchOptions(lock_wait=lock_wait, is_contended=_lane.is_contended)


def _place_without_kept(
    batch: Sequence[_QueuedOrder], answers: Sequence[Placed | Exception]
) -> Sequence[Placed | Exception]:
    """Places the orders of a batch that failed because of a lock once more, except those of
    products that another transaction keeps locked, which are Contended. Places none if no product
    is locked: then the lock was that of a cart, a key or an id, or is free now."""
    late = [at for at, answer in enumerate(answers) if database.is_lock_timeout(answer)]
    _mark_kept([batch[at] for at in late])
    contended = {at for at in late if _is_contended(batch[at])}
    found = [Contended() if at in contended else answer for at, answer in enumerate(answers)]
    if again := [at for at in late if contended and at not in contended]:
        for at in again:
            batch[at].candidate = candidate(batch[at].placement)
        placed = _place([batch[at] for at in again], _options(LOCK_WAIT_AGAIN))
        for at, answer in zip(again, placed, strict=True):
            found[at] = answer
    return found


def _mark_kept(orders: Sequence[_QueuedOrder]) -> None:
    """Marks the products of the orders that another transaction keeps locked."""
    products = {product for order in orders for product in order.candidate.stock_rows}
    try:
        _lane.mark_contended(locks.find_contended(products))
    except Error:
        # Then each order is tried alone, and gets its own error.
        logger.warning(
            "It is unknown which products are locked. If this repeats, check that the database"
            " answers.",
            exc_info=True,
        )


def _try_failed_alone(
    batch: Sequence[_QueuedOrder], answers: Sequence[Placed | Exception]
) -> list[Placed | Exception]:
    """Tries each failed order of a batch alone, so that only orders that cause the failure fail."""
    found, trying = list(answers), Stopwatch()
    for at, (order, answer) in enumerate(zip(batch, answers, strict=True)):
        if not _is_worth_another_try(answer):
            continue
        if _is_contended(order):
            found[at] = Contended()
            continue
        lock_wait = LOCK_WAIT_AGAIN if trying.seconds < LOCK_WAIT else LOCK_WAIT_LATER
        found[at] = _place_alone(order, _options(lock_wait))
        if database.is_lock_timeout(found[at]):
            _lane.mark_contended(order.candidate.cart_rows)
            found[at] = Contended()
    return found


def _place_alone(order: _QueuedOrder, options: BatchOptions) -> Placed | Exception:
    order.candidate = candidate(order.placement)
    (answer,) = _place([order], options)
    return answer


def _place(orders: Sequence[_QueuedOrder], options: BatchOptions) -> Sequence[Placed | Exception]:
    return place_batch(
        [order.candidate for order in orders],
        terms=orders[0].terms,
        # Repeats are recognised by their content, so all orders can have the time of the latest
        # one.
        now=max(order.now for order in orders),
        options=options,
    )


def _is_worth_another_try(answer: Placed | Exception) -> bool:
    """Returns whether the answer is a failure, not a refusal, and was certainly rolled back, so
    that nothing is placed twice."""
    if not isinstance(answer, Exception) or isinstance(answer, DomainError | Contended):
        return False
    return database.was_rolled_back(answer)


_lane = ContendedLane(MOST_CONTENDED)


def _is_contended(order: _QueuedOrder) -> bool:
    """Returns whether the order has to wait in the contended lane."""
    return _lane.is_contended(order.rows)


def _place_contended(order: _QueuedOrder) -> Placed:
    """Places an order alone, once its contended rows are free. Raises what `place_batch`
    answers, and Overloaded."""
    with _lane.slot():
        running = Stopwatch()
        with _lane.waiting(order.candidate.cart_rows):
            answer = _wait_and_place(order)
        alone = telemetry.Batch((0.0,), (answer,), running.seconds, waiting=0)
    telemetry.placing.batch_done(alone)
    if isinstance(answer, Exception):
        raise answer
    return answer


def _wait_and_place(order: _QueuedOrder) -> Placed | Exception:
    """Places an order alone after its contended rows are free. While it waits for one row it holds
    no lock on another, which would become contended too."""
    rows, waiting = _lane.contended(order.rows), Stopwatch()
    answer: Placed | Exception = Overloaded()
    while (left := LANE_WAIT - waiting.seconds) > 0:
        try:
            _wait_until_free(rows, left)
            answer = _place_alone(order, BatchOptions(lock_wait=LOCK_WAIT))
            if not database.is_lock_timeout(answer):
                return answer
            rows = frozenset(locks.find_locked(order.candidate.stock_rows))
        except Error as error:
            return error
    return answer


def _wait_until_free(rows: Iterable[Row], seconds: float) -> None:
    """Waits for the lock of each row, without keeping it. Does not wait for carts: placing waits
    for them, before it locks stock. Raises OperationalError."""
    waiting = Stopwatch()
    for product in sorted([row for row in rows if isinstance(row, int)]):
        with _lane.waiting([product]):
            locks.wait_until_free(product, seconds - waiting.seconds)
