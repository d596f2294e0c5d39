"""Places the orders of a queue, and tries again those that failed because of a lock or of another
order. Orders of contended rows are placed alone, in the contended lane.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import Error

from larder.core import telemetry
from larder.core.errors import DomainError, Overloaded
from larder.core.stopwatch import Stopwatch
from larder.db import database
from larder.inventory.services import locks
from larder.orders.services.placing.contended import Contended, ContendedLane, Row
from larder.orders.services.placing.place_orders import BatchOptions, place_candidates
from larder.orders.services.placing.placement import Candidate, Placed, Placement, Terms, candidate

logger = logging.getLogger(__name__)

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
class QueuedOrder:
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


_contended = ContendedLane(MOST_CONTENDED)


def is_contended(order: QueuedOrder) -> bool:
    """Returns whether the order has to wait in the contended lane."""
    return _contended.is_contended(order.rows)


def place_contended(order: QueuedOrder) -> Placed:
    """Places an order alone, once its contended rows are free. Raises what `place_candidates`
    answers, and Overloaded."""
    with _contended.slot():
        running = Stopwatch()
        with _contended.waiting(order.candidate.cart_rows):
            answer = _wait_and_place(order)
        alone = telemetry.Batch((0.0,), (answer,), running.seconds, waiting=0)
    telemetry.placing.batch_done(alone)
    if isinstance(answer, Exception):
        raise answer
    return answer


def _wait_and_place(order: QueuedOrder) -> Placed | Exception:
    """Places an order alone after its contended rows are free. While it waits for one row it holds
    no lock on another, which would become contended too."""
    rows, waiting = _contended.contended(order.rows), Stopwatch()
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
        with _contended.waiting([product]):
            locks.wait_until_free(product, seconds - waiting.seconds)


def place_batch(batch: Sequence[QueuedOrder]) -> Sequence[Placed | Exception]:
    """Returns an answer for each order: Contended for those of contended rows, which are not placed
    here."""
    contended = [is_contended(order) for order in batch]
    free = [order for order, waits in zip(batch, contended, strict=True) if not waits]
    answers = iter(_place_free(free) if free else ())
    return [Contended() if waits else next(answers) for waits in contended]


def _place_free(batch: Sequence[QueuedOrder]) -> Sequence[Placed | Exception]:
    answers = _place(batch, _options(LOCK_WAIT))
    is_locked = any(map(database.is_lock_timeout, answers))
    if is_locked:
        answers = _place_without_kept(batch, answers)
    return _try_failed_alone(batch, answers) if is_locked or len(batch) > 1 else answers


def _options(lock_wait: float) -> BatchOptions:
    return BatchOptions(lock_wait=lock_wait, is_contended=_contended.is_contended)


def _place_without_kept(
    batch: Sequence[QueuedOrder], answers: Sequence[Placed | Exception]
) -> Sequence[Placed | Exception]:
    """Places the orders of a batch that failed because of a lock once more, except those of
    products that another transaction keeps locked, which are Contended. Places none if no product
    is locked: then the lock was that of a cart, a key or an id, or is free now."""
    late = [at for at, answer in enumerate(answers) if database.is_lock_timeout(answer)]
    _mark_kept([batch[at] for at in late])
    contended = {at for at in late if is_contended(batch[at])}
    found = [Contended() if at in contended else answer for at, answer in enumerate(answers)]
    if again := [at for at in late if contended and at not in contended]:
        for at in again:
            batch[at].candidate = candidate(batch[at].placement)
        placed = _place([batch[at] for at in again], _options(LOCK_WAIT_AGAIN))
        for at, answer in zip(again, placed, strict=True):
            found[at] = answer
    return found


def _mark_kept(orders: Sequence[QueuedOrder]) -> None:
    """Marks the products of the orders that another transaction keeps locked."""
    products = {product for order in orders for product in order.candidate.stock_rows}
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
    batch: Sequence[QueuedOrder], answers: Sequence[Placed | Exception]
) -> list[Placed | Exception]:
    """Tries each failed order of a batch alone, so that only orders that cause the failure fail."""
    found, trying = list(answers), Stopwatch()
    for at, (order, answer) in enumerate(zip(batch, answers, strict=True)):
        if not _is_worth_another_try(answer):
            continue
        if is_contended(order):
            found[at] = Contended()
            continue
        lock_wait = LOCK_WAIT_AGAIN if trying.seconds < LOCK_WAIT else LOCK_WAIT_LATER
        found[at] = _place_alone(order, _options(lock_wait))
        if database.is_lock_timeout(found[at]):
            _contended.mark_contended(order.candidate.cart_rows)
            found[at] = Contended()
    return found


def _place_alone(order: QueuedOrder, options: BatchOptions) -> Placed | Exception:
    order.candidate = candidate(order.placement)
    (answer,) = _place([order], options)
    return answer


def _place(orders: Sequence[QueuedOrder], options: BatchOptions) -> Sequence[Placed | Exception]:
    return place_candidates(
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
