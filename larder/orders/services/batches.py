"""Places and confirms orders, for all APIs, with those that arrive at the same time: each waits in
the queue of its process for the transaction of its batch (place_batch.py).

No batch waits for an order or for stock that another transaction has locked: the orders that need
such stock wait until a batch finds it free. Large orders are placed beside the batches, and so is
what would make each batch wait: for a locked order, or for the lock of a key, a cart or a quota.

The batches of all processes and servers run one after the other, or they would be small, and skip
each other's stock. A process that does not get its turn goes on without it for a while.
"""

from collections.abc import Callable, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace as with_values
from datetime import datetime
from functools import partial
from typing import Any

from django.db import Error
from msgspec.structs import replace

from larder.core import telemetry
from larder.core.batch_queue import BatchQueue, Limits, Queued, State, Take
from larder.core.clock import Stopwatch
from larder.core.errors import AlreadyTaken, DomainError, Overloaded
from larder.db import database
from larder.db.errors import CommitUnknown
from larder.identity.services import audit, quotas
from larder.identity.services.accounts import NewCustomer, add_within
from larder.inventory.services import movements as inventory
from larder.orders import queries
from larder.orders.queries.carts import stored_cart
from larder.orders.services.confirm_order import MustWait, confirm_alone
from larder.orders.services.placing.place_batch import place_batch
from larder.orders.services.placing.placement import (
    Answer,
    CartChanged,
    OrderRequest,
    Placed,
    Placement,
    Request,
    Result,
    Skipped,
    Terms,
    new_order,
)
from larder.orders.services.transitions import Moved, TransitionRequest
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
"""Requests beside the batches that wait for a lock, each with a connection."""

LOOK_EVERY = 0.02
"""Seconds between two looks for free stock if no order arrives."""

_Queued = Queued[Request, Result]


def place_order(placement: Placement, *, terms: Terms, now: datetime) -> Placed:
    """Places one order, completely or not at all. Reports the remaining units of the customer's
    quota (larder/identity/services/quotas.py). All APIs and the admin place orders here. A server
    has the terms with which it was started.

    Raises the refusals that `place_batch` returns, and Overloaded, without any effect.
    """
    for _ in range(MOST_READS):
        cart = stored_cart(placement.customer) if placement.cart else None
        order = new_order(placement, now, cart)
        with suppress(CartChanged):
            placed: Placed = _result(order) if _server else _place_alone(order, terms)
            database.note_committed()
            quotas.REMAINING.set(placed.remaining)
            return placed
    raise Overloaded


def place_for_new(new: NewCustomer, placement: Placement, *, terms: Terms, now: datetime) -> Placed:
    """Adds a customer and places an order for them, both or neither. The placement has an id, and
    0 in place of the customer. A repeat returns the order that it placed.

    Raises AlreadyTaken and InvalidInput (username), and what `place_order` raises.
    """
    order = new_order(placement, now)
    try:
        placed = _place_alone(order, terms, new)
    except AlreadyTaken:
        known = queries.orders([order.id]).get(order.id)
        if known is None:
            raise
        return place_order(replace(placement, customer=known.customer), terms=terms, now=now)
    database.note_committed()
    return placed


def confirm_order(request: TransitionRequest) -> Moved:
    """Confirms an order: it becomes placed. An order that was confirmed before stays as it is.

    Raises HoldExpired (units are gone), NotFound, SessionEnded, KeyReused, Overloaded and what
    `LockedOrder.begins` raises.
    """
    request = with_values(request, by=audit.current())
    moved: Moved = _result(request) if _server else confirm_alone(request)
    database.note_committed()
    return moved


def start_request(request: Request, done: Callable[[Answer], object]) -> Callable[[], None]:
    """Begins to place an order that is no cart, or to confirm one, in a server, and does not wait:
    `done` gets what `place_order` or `confirm_order` returns or raises, in any thread.

    Returns the function that refuses it if it still waits; to be called after LIMITS.queue_timeout,
    and once more after LIMITS.batch_timeout. Raises Overloaded.
    """
    queue = _server[0].queue
    return partial(queue.give_up, queue.put(request, done, lines=request.size))


def start(terms: Terms) -> None:
    """Places and confirms the orders of this process in batches from now on. A server calls it."""
    _server.append(_Batches(terms))


_server: list["_Batches"] = []


def _result(request: Request) -> Any:
    return _server[0].queue.submit(request, lines=request.size)


def _place_alone(order: OrderRequest, terms: Terms, new: NewCustomer | None = None) -> Placed:
    """Places an order in a transaction of its own, which first adds its new customer, and waits for
    locks: first of all for the stock that it did not get at the last attempt, or for all of a large
    order. Raises what refuses it."""
    waiting, before = Stopwatch(), database.has_committed()
    take = partial(_with_customer, order, new) if new else lambda: [order]
    place = partial(place_batch, take, terms=terms, lock_wait=LOCK_WAIT_ALONE, is_whole=bool(new))
    is_large = order.size >= LARGE
    products: Set[int] = {line.product for line in order.lines} if is_large else frozenset()
    while waiting.seconds <= LIMITS.queue_timeout:
        try:
            answers = place(wait=partial(inventory.lock, products) if products else None)
            (answer,) = answers.values()
        except Error as error:
            answer = error
        if isinstance(answer, Placed):
            return answer
        if isinstance(answer, Skipped):
            database.note_committed(committed=before)
            products = answer.products
        elif isinstance(answer, Exception) and not database.is_lock_timeout(answer):
            raise answer
    raise Overloaded


def _with_customer(order: OrderRequest, new: NewCustomer) -> list[OrderRequest]:
    """Adds the customer. Returns the order as theirs."""
    customer = add_within(new, by=order.placement.actor, now=order.now)
    return [new_order(replace(order.placement, customer=customer), order.now)]


class _Batches:
    """Runs the batches of a process. Only the thread of the queue uses `waiting`: orders that wait
    for the stock of products."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.waiting: list[tuple[Set[int], _Queued]] = []
        self.without_turn: Stopwatch | None = None
        self.large, self.others = ThreadPoolExecutor(1), ThreadPoolExecutor(MOST_BESIDE)
        self.queue: BatchQueue[Request, Result] = BatchQueue(
            self.place_next, LIMITS, unknown=partial(CommitUnknown, "no batch ended")
        )

    def place_next(self, take: Take[Request, Result]) -> float | None:
        """Runs the next batch of the queue, with the orders whose stock is free again. A request
        that has the key, id, cart or order of another one is in a later batch: one claim can answer
        only one of them, and a cart that one of them places is none for the next."""
        large: list[_Queued] = []
        batch: list[_Queued] = []
        later: list[_Queued] = []

        def requests() -> Sequence[Request]:
            self._find_free()
            names: set[object] = set()
            for queued in take():
                own = queued.request.names
                is_large, is_later = queued.lines >= LARGE, not names.isdisjoint(own)
                (large if is_large else later if is_later else batch).append(queued)
                names.update(own)
            return [queued.request for queued in batch]

        database.release_if_lost()
        in_turn = self.without_turn is None or self.without_turn.seconds > WITHOUT_TURN
        place = partial(place_batch, requests, terms=self.terms, lock_wait=LOCK_WAIT)
        try:
            answers = place(wait=partial(database.rows, writes.TURN) if in_turn else None)
        except Error as error:
            if batch or large or not in_turn or not database.is_lock_timeout(error):
                raise
            self.without_turn = Stopwatch()
            answers = place()
        for queued in large:
            self._run_beside(queued)
        for queued in later:
            self.queue.put_back(queued)
        self.queue.again(later)
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

    def _settle(self, batch: Sequence[_Queued], answers: Sequence[Answer]) -> None:
        """Resolves the requests of a batch, or lets them wait again. Those of a failed batch run
        beside, each alone, so that only the ones that cause the failure fail."""
        for queued, answer in zip(batch, answers, strict=True):
            if isinstance(answer, Skipped):
                self.queue.put_back(queued)
                self.waiting.append((answer.products, queued))
            elif isinstance(answer, MustWait) or database.is_lock_timeout(answer):
                # It would make each batch wait for a lock.
                self._run_beside(queued)
            elif _is_failed(answer) and len(batch) > 1:
                self._run_beside(queued)
            else:
                self.queue.resolve(queued, answer)

    def _run_beside(self, queued: _Queued) -> None:
        def run() -> None:
            if self.queue.take(queued):
                request, running = queued.request, Stopwatch()
                answer: Answer
                try:
                    if isinstance(request, TransitionRequest):
                        answer = confirm_alone(request)
                    else:
                        answer = _place_alone(request, self.terms)
                except Exception as error:
                    answer = error
                finally:
                    database.release()
                self.queue.resolve(queued, answer)
                done = telemetry.Batch([queued.waited], [answer], running.seconds, 0)
                telemetry.batches.append(done)

        self.queue.put_back(queued)
        threads = self.large if queued.lines >= LARGE else self.others
        threads.submit(run)


def _is_failed(answer: Answer) -> bool:
    """Returns whether the answer is a failure, not a refusal, and was certainly rolled back, so
    that nothing is done twice."""
    if not isinstance(answer, Exception) or isinstance(answer, DomainError | CartChanged):
        return False
    return database.was_rolled_back(answer)
