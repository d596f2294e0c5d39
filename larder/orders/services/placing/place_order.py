"""Places one order, for all APIs, in one transaction with those that arrive at the same time.

An order waits in the queue of its process for the transaction of its batch (place_batch.py). No
batch waits for stock that another transaction has locked: the orders that need it wait until a
batch finds it free. Large orders are placed beside the batches, and so is an order that would make
each batch wait for the lock of its key, its cart or its quota.

The batches of all processes and servers run one after the other, or they would be small, and skip
each other's stock. A process that does not get its turn goes on without it for a while: the one
that has it may hang.
"""

from collections.abc import Callable, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from django.db import Error

from larder.core import telemetry
from larder.core.batch_queue import BatchQueue, Limits, Queued, State, Take
from larder.core.errors import DomainError, Overloaded
from larder.core.stopwatch import Stopwatch
from larder.db import database
from larder.db.postgresql.errors import CommitUnknown
from larder.identity.services import quotas
from larder.inventory.services import movements as inventory
from larder.orders.queries.carts import stored_cart
from larder.orders.services.placing.place_batch import Later, Skipped, place_batch
from larder.orders.services.placing.placement import (
    CartChanged,
    NewOrder,
    Placed,
    Placement,
    Terms,
    new_order,
)
from larder.orders.sql import writes

LIMITS = Limits(max_batch_size=64, queue_capacity=2_048)

LOCK_WAIT = 0.1
"""Seconds for which a batch waits for its turn, and for the lock of a key, a cart or a quota."""

WITHOUT_TURN = 1.0
"""Seconds for which the batches of a process do not wait for their turn after one did not get
it."""

MOST_READS = 10
"""Times that a cart is read, if it changes before it is placed."""

LARGE = 100
"""Lines from which an order is in no batch: it takes as long as many small ones, and one of its
products is locked most of the time. A process places one at a time."""

LOCK_WAIT_ALONE = 1.0
"""Seconds for which an order that is placed alone waits for each lock at a time."""

MOST_BESIDE = 3
"""Orders beside the batches that wait for a key, a cart or a quota, each with a connection."""

LOOK_EVERY = 0.02
"""Seconds between two looks for free stock if no order arrives."""

_Order = Queued[NewOrder, Placed]


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
            placed = _placed(order, terms)
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
    queue, order = _queue(terms), new_order(placement, now)
    return partial(queue.give_up, queue.put(order, done, lines=len(order.lines)))


def start() -> None:
    """Places the orders of this process in batches from now on. A server calls it."""
    _is_server[0] = True


_is_server = [False]


def _placed(order: NewOrder, terms: Terms) -> Placed:
    if _is_server[0]:
        return _queue(terms).submit(order, lines=len(order.lines))
    # A command has no other orders. An attempt that placed nothing has committed nothing.
    before = database.has_committed()
    answer = _place_alone(order, terms)
    database.note_committed(committed=before)
    if isinstance(answer, Exception):
        raise answer
    return answer


_queues: dict[Terms, BatchQueue[NewOrder, Placed]] = {}


def _queue(terms: Terms) -> BatchQueue[NewOrder, Placed]:
    """Returns the queue of this process. All orders of an installation have the same terms. If two
    threads make a queue, both use the first one."""
    return _queues.get(terms) or _queues.setdefault(terms, _Batches(terms).queue)


def _place_alone(
    order: NewOrder, terms: Terms, products: Set[int] = frozenset()
) -> Placed | Exception:
    """Places an order in a transaction of its own, and waits for locks: first of all for the stock
    of these products, and of those that it did not get at the last attempt. Returns its answer."""
    waiting = Stopwatch()
    while waiting.seconds <= LIMITS.queue_timeout:
        try:
            wait = partial(inventory.lock, products) if products else None
            answers = place_batch(
                lambda: [order], terms=terms, lock_wait=LOCK_WAIT_ALONE, wait=wait
            )
        except Error as error:
            answers = {order: error}
        answer = answers[order]
        if isinstance(answer, Skipped):
            products = answer.products
        elif not database.is_lock_timeout(answer):
            return answer
    return Overloaded()


def _take_turn() -> None:
    """Waits until no other transaction has the turn, and takes it until this one ends."""
    database.rows(writes.TURN)


@dataclass(slots=True)
class _Batches:
    """Places the batches of a process. `waiting` are orders that wait for the stock of products,
    which only the thread of the queue uses."""

    terms: Terms
    queue: BatchQueue[NewOrder, Placed] = field(init=False)
    waiting: list[tuple[Set[int], _Order]] = field(default_factory=list)
    without_turn: Stopwatch | None = None
    large: ThreadPoolExecutor = field(default_factory=partial(ThreadPoolExecutor, 1))
    others: ThreadPoolExecutor = field(default_factory=partial(ThreadPoolExecutor, MOST_BESIDE))

    def __post_init__(self) -> None:
        self.queue = BatchQueue(
            self.place_next,
            LIMITS,
            batches=telemetry.batches,
            refused=telemetry.orders_rejected,
            unknown=partial(CommitUnknown, "no batch ended"),
        )

    def place_next(self, take: Take[NewOrder, Placed]) -> float | None:
        """Places the next batch of the queue, with the orders whose stock is free again."""
        large: list[_Order] = []
        batch: list[_Order] = []

        def orders() -> Sequence[NewOrder]:
            self._find_free()
            for queued in take():
                (large if queued.lines >= LARGE else batch).append(queued)
            return [queued.request for queued in batch]

        database.release_if_lost()
        in_turn = self.without_turn is None or self.without_turn.seconds > WITHOUT_TURN
        place = partial(place_batch, orders, terms=self.terms, lock_wait=LOCK_WAIT)
        try:
            answers = place(wait=_take_turn if in_turn else None)
        except Error as error:
            if batch or large or not in_turn or not database.is_lock_timeout(error):
                raise
            self.without_turn = Stopwatch()
            answers = place()
        for queued in large:
            products = {line.product for line in queued.request.lines}
            self._place_beside(self.large, queued, products)
        self._settle(batch, [answers[queued.request] for queued in batch])
        return LOOK_EVERY if self.waiting else None

    def _find_free(self) -> None:
        """Locks what is free of the stock that orders wait for; these are in the next batches."""
        if not self.waiting:
            return
        products = set().union(*(products for products, _ in self.waiting))
        free = inventory.lock_free(products).keys()
        self.queue.again([queued for products, queued in self.waiting if products <= free])
        self.waiting = [
            (products, queued)
            for products, queued in self.waiting
            if not products <= free and queued.state is not State.DONE
        ]

    def _settle(self, batch: Sequence[_Order], answers: Sequence[Placed | Exception]) -> None:
        """Resolves the orders of a batch, or lets them wait again. Those of a failed batch are
        placed beside, each alone, so that only the orders that cause the failure fail."""
        again: list[_Order] = []
        for queued, answer in zip(batch, answers, strict=True):
            if isinstance(answer, Later):
                again.append(queued)
            elif isinstance(answer, Skipped):
                self.waiting.append((answer.products, queued))
            elif database.is_lock_timeout(answer) or (_is_failed(answer) and len(batch) > 1):
                self._place_beside(self.others, queued)
                continue
            else:
                self.queue.resolve(queued, answer)
                continue
            self.queue.put_back(queued)
        self.queue.again(again)

    def _place_beside(
        self, threads: ThreadPoolExecutor, queued: _Order, products: Set[int] = frozenset()
    ) -> None:
        def place() -> None:
            if self.queue.take(queued):
                running = Stopwatch()
                try:
                    answer = _place_alone(queued.request, self.terms, products)
                except Exception as error:
                    answer = error
                finally:
                    database.release()
                self.queue.resolve(queued, answer)
                done = telemetry.Batch([queued.waited], [answer], running.seconds, 0)
                telemetry.batches.append(done)

        self.queue.put_back(queued)
        threads.submit(place)


def _is_failed(answer: Placed | Exception) -> bool:
    """Returns whether the answer is a failure, not a refusal, and was certainly rolled back, so
    that nothing is placed twice."""
    if not isinstance(answer, Exception) or isinstance(answer, DomainError | CartChanged):
        return False
    return database.was_rolled_back(answer)
