"""Places one order, for all APIs, in one transaction with those that arrive at the same time.

An order waits in the queue of its process for the transaction of its batch (place_batch.py). No
batch waits for stock that another transaction has locked: the orders that need it rejoin the queue.
Those that were skipped MOST_SKIPS times wait for it beside the batches, in a few threads, and so do
large orders.

The batches of all processes and servers run one after the other, or they would be small, and skip
each other's stock. A process that does not get its turn goes on without it for a while: the one
that has it may hang.
"""

from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from threading import Lock
from typing import Any

from django.db import Error

from larder.core import telemetry
from larder.core.batch_queue import BatchQueue, Limits, Queued, State, Take
from larder.core.errors import DomainError, Overloaded
from larder.core.stopwatch import Stopwatch
from larder.db import database
from larder.db.postgresql.errors import CommitUnknown
from larder.identity.services import quotas
from larder.orders.queries import stored_cart
from larder.orders.services.placing.place_batch import BatchOptions, Later, Skipped, place_batch
from larder.orders.services.placing.placement import (
    CartChanged,
    NewOrder,
    Placed,
    Placement,
    Terms,
    new_order,
)

LIMITS = Limits(
    max_batch_size=64,
    max_batch_lines=2_000,
    queue_capacity=2_048,
    queue_lines=10_000,
    queue_timeout=5.0,
    fail_fast_after=1.0,
)

LOCK_WAIT = 0.1
"""Seconds for which a batch waits for its turn, and for the lock of a key, a cart or a quota."""

WITHOUT_TURN = 1.0
"""Seconds for which the batches of a process do not wait for their turn after one did not get
it."""

MOST_READS = 10
"""Times that a cart is read, if it changes before it is placed."""

MOST_SKIPS = 3
"""Batches that skip an order before it waits for its stock."""

LARGE = 100
"""Lines from which an order is in no batch: it takes as long as many small ones, and one of its
products is locked most of the time. A process places one at a time."""

LOCK_WAIT_BESIDE = 1.0
"""Seconds for which an order that waits alone beside the batches waits for each lock."""


@dataclass(slots=True)
class _QueuedOrder:
    """An order in the queue. The orders of a batch have the same terms. `skips` counts the batches
    that did not get its stock, and `answer` is that of the last one."""

    order: NewOrder
    skips: int = 0
    answer: Placed | Exception = field(default_factory=Overloaded)


LARGE_ONES = "large ones"
"""What large orders wait for: their turn in this process."""

_Order = Queued[_QueuedOrder, Placed]


def place_order(placement: Placement, *, terms: Terms, now: datetime) -> Placed:
    """Places one order, completely or not at all, in one transaction with the others of its batch.
    Reports the remaining units of the customer's quota (larder/identity/services/quotas.py). All
    APIs and the admin place orders here.

    Raises the refusals that `place_batch` returns, and Overloaded, without any effect.
    """
    for _ in range(MOST_READS):
        cart = stored_cart(placement.customer) if placement.cart else None
        order = new_order(placement, now, cart)
        with suppress(CartChanged):
            placed = _queue(terms).submit(order)
            database.note_committed()
            quotas.note(placed.remaining)
            return placed
    raise Overloaded


def start_order(
    placement: Placement,
    *,
    terms: Terms,
    now: datetime,
    done: Callable[[Placed | Exception], object],
) -> Callable[[], None]:
    """Begins to place an order that is no cart, as `place_order` does, and does not wait: `done`
    gets the placed order, or what refuses it, in any thread.

    Returns the function that refuses it if it still waits; to be called after LIMITS.queue_timeout,
    and once more after LIMITS.batch_timeout. Raises Overloaded.
    """
    placing = _queue(terms)
    return partial(placing.queue.give_up, placing.put(new_order(placement, now), done))


def start() -> None:
    """Places the orders of this process in a thread of its own from now on. A server calls it."""
    _is_server[0] = True


_is_server = [False]


@dataclass(slots=True)
class _Placing:
    """The queue of the orders with these terms. `waiting` are those beside the batches, by what
    they wait for: the stock of a product, or else the order alone."""

    terms: Terms
    queue: BatchQueue[_QueuedOrder, Placed] = field(init=False)
    waiting: dict[Hashable, list[_Order]] = field(default_factory=dict)
    mutex: Any = field(default_factory=Lock)
    without_turn: Stopwatch | None = None

    def __post_init__(self) -> None:
        self.queue = BatchQueue(
            self._run, LIMITS, telemetry.placing, unknown=partial(CommitUnknown, "no batch ended")
        )

    def submit(self, order: NewOrder) -> Placed:
        """Returns the placed order, or raises its refusal."""
        lines = len(order.lines)
        return self.queue.submit(_QueuedOrder(order), lines=lines, beside=self._beside(lines))

    def put(self, order: NewOrder, done: Callable[[Placed | Exception], object]) -> _Order:
        """Adds the order. `done` gets the placed order, or its refusal."""
        lines = len(order.lines)
        return self.queue.put(_QueuedOrder(order), done, lines=lines, beside=self._beside(lines))

    def _beside(self, lines: int) -> Callable[[_Order], None] | None:
        return self._wait_beside if lines >= LARGE else None

    def _run(self, take: Take[_QueuedOrder, Placed]) -> None:
        """Places the next batch of the queue."""
        batch: list[_Order] = []
        self._place_in_turn(batch, take)
        again = [one for one in batch if self._is_tried_again(one, is_alone=len(batch) == 1)]
        self.queue.rejoin(again)

    def _place_in_turn(self, batch: list[_Order], take: Callable[[], Sequence[_Order]]) -> None:
        in_turn = self.without_turn is None or self.without_turn.seconds > WITHOUT_TURN
        options = BatchOptions(lock_wait=LOCK_WAIT, skip_locked=True, in_turn=in_turn)
        try:
            self._place(batch, take, options)
        except Error as error:
            if batch or not in_turn or not database.is_lock_timeout(error):
                raise
            self.without_turn = Stopwatch()
            self._place(batch, take, replace(options, in_turn=False))

    def _place(
        self, batch: list[_Order], take: Callable[[], Sequence[_Order]], options: BatchOptions
    ) -> None:
        """Takes orders, adds them to `batch`, places them, and sets their answers."""

        def orders() -> Sequence[NewOrder]:
            batch.extend(take())
            return [one.request.order for one in batch]

        answers = place_batch(orders, terms=self.terms, options=options)
        for one in batch:
            one.request.answer = answers[one.request.order]

    def _is_tried_again(self, queued: _Order, *, is_alone: bool) -> bool:
        """Returns whether the order was not decided, and rejoins the queue. One that would fail
        again waits beside the batches; any other order gets its answer."""
        answer = queued.request.answer
        if isinstance(answer, Later):
            return True
        if isinstance(answer, Skipped):
            queued.request.skips += 1
            if queued.request.skips < MOST_SKIPS:
                return True
            self._wait_beside(queued)
        elif not _is_failed(answer):
            queued.resolve(answer)
        elif not is_alone:
            # Then only those that cause the failure fail.
            queued.is_alone = True
            return True
        elif database.is_lock_timeout(answer):
            self._wait_beside(queued)
        else:
            queued.resolve(answer)
        return False

    def _wait_beside(self, queued: _Order) -> None:
        """Lets the order wait for the stock that it did not get, with others that wait for the
        same; behind other large ones; or alone, if it waits for something else."""
        queued.state, answer = State.BESIDE, queued.request.answer
        key: Hashable = queued
        if queued.lines >= LARGE:
            key = LARGE_ONES
        elif isinstance(answer, Skipped):
            key = min(answer.products)
        with self.mutex:
            others = self.waiting.setdefault(key, [])
            is_first = not others
            is_full = sum(one.lines for one in others) + queued.lines > LIMITS.queue_lines
            if not is_full:
                others.append(queued)
        if is_full:
            queued.resolve(Overloaded())
        elif is_first:
            self.queue.beside(partial(self._place_beside, key))

    def _place_beside(self, key: Hashable) -> None:
        """Waits for the stock, without any other lock, and places the orders that wait for it. An
        order that waits for something else waits for it in the transaction."""
        running, batch = Stopwatch(), list[_Order]()
        try:
            self._place(batch, partial(self._take_waiting, key), self._options_beside(key))
        except Exception as error:
            batch = list(self._take_waiting(key))
            is_skipped = isinstance(key, int) and database.is_lock_timeout(error)
            for one in () if is_skipped else batch:
                one.request.answer = error
        finally:
            database.release()
        self._go_on(key)
        for one in batch:
            self._settle_beside(one, is_alone=len(batch) == 1)
        if done := [one for one in batch if one.state is State.DONE]:
            waited, results = zip(*((one.waited, one.result) for one in done), strict=True)
            telemetry.placing.batch_done(telemetry.Batch(waited, results, running.seconds, 0))

    def _options_beside(self, key: Hashable) -> BatchOptions:
        with self.mutex:
            orders = [*self.waiting[key]]
        left = max(0.001, min(LIMITS.queue_timeout - one.waiting.seconds for one in orders))
        options = BatchOptions(lock_wait=LOCK_WAIT_BESIDE, skip_locked=True)
        if isinstance(key, int):
            return replace(options, lock_wait=LOCK_WAIT, first=[key], first_wait=left)
        if key == LARGE_ONES:
            needed = {line.product for line in orders[0].request.order.lines}
            return replace(options, first=needed, first_wait=min(left, LOCK_WAIT_BESIDE))
        return options

    def _take_waiting(self, key: Hashable) -> Sequence[_Order]:
        """Takes the orders that wait; of the large ones the first, which stays until it is
        placed."""
        with self.mutex:
            return self.waiting[key][:1] if key == LARGE_ONES else self.waiting.pop(key, [])

    def _go_on(self, key: Hashable) -> None:
        """Places the next large order, if there is one."""
        with self.mutex:
            others = self.waiting[key][1:] if key == LARGE_ONES else []
            if key == LARGE_ONES:
                self.waiting[key] = others
        if others:
            self.queue.beside(partial(self._place_beside, key))

    def _settle_beside(self, queued: _Order, *, is_alone: bool) -> None:
        """Resolves an order that was placed beside the batches, or lets it wait again."""
        answer = queued.request.answer
        is_locked = isinstance(answer, Later | Skipped) or database.is_lock_timeout(answer)
        if not is_locked and (is_alone or not _is_failed(answer)):
            queued.resolve(answer)
        elif queued.waiting.seconds > LIMITS.queue_timeout:
            queued.resolve(Overloaded())
        else:
            self._wait_beside(queued)


def _is_failed(answer: Placed | Exception) -> bool:
    """Returns whether the answer is a failure, not a refusal, and was certainly rolled back, so
    that nothing is placed twice."""
    if not isinstance(answer, Exception) or isinstance(answer, DomainError | CartChanged):
        return False
    return database.was_rolled_back(answer)


_queues: dict[Terms, _Placing] = {}


def _queue(terms: Terms) -> _Placing:
    """Returns the queue of this process. All orders of an installation have the same terms."""
    placing = _queues.get(terms)
    if placing is None:
        # If two threads make a queue, both use the first one.
        placing = _queues.setdefault(terms, _Placing(terms))
        if _is_server[0]:
            placing.queue.start()
    return placing
