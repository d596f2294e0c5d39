"""Batch queue: executes the requests that arrive during one transaction in the next one.

With a transaction for each request, throughput is limited by commits, and by the locks that are
held until a commit is on disk. So requests wait here, and one transaction serves all of them (group
commit). An idle server adds no delay: if no batch runs, a request runs at once.

Source: group commit of database logs (DeWitt et al., "Implementation techniques for main memory
database systems", 1984); TigerBeetle batches its transfers likewise.
"""

import copy
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Generic, TypeVar

from larder.core import telemetry, waits
from larder.core.clock import Stopwatch
from larder.core.errors import Overloaded
from larder.core.telemetry import Batch

Request = TypeVar("Request")
Result = TypeVar("Result")

KEEP_CONNECTION = 0.05
"""Seconds for which the thread of a queue keeps its connection without a request: it does not wait
for one behind the slow requests of others. A kept one may have been closed meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of a batch and of the queue.

    A batch has at most `max_batch_size` requests, with at most `max_batch_lines` lines in total. A
    request with more lines runs alone. At most `queue_capacity` requests without a result are
    there, with at most `queue_lines` lines, and each waits for at most `queue_timeout` seconds.
    When a batch fails, those that have waited for more than `fail_fast_after` seconds fail with it:
    without a connection, they would wait for a second one. A batch has `batch_timeout` seconds; the
    database ends each of its transactions long before.
    """

    max_batch_size: int = 128
    max_batch_lines: int = 2_000
    queue_capacity: int = 1_000
    queue_lines: int = 10_000
    queue_timeout: float = 5.0
    fail_fast_after: float = 1.0
    batch_timeout: float = 120.0


class State(Enum):
    """Where a request is."""

    WAITING = 1
    TAKEN = 2
    DONE = 3


@dataclass(slots=True, eq=False)
class Queued(Generic[Request, Result]):
    """A request in the queue. `done` is called when it has a result, in any thread. `waited` is its
    time in the queue in seconds."""

    request: Request
    lines: int
    done: Callable[[Result | Exception], object]
    state: State = State.WAITING
    waiting: Stopwatch = field(default_factory=Stopwatch)
    waited: float = 0.0
    result: Result | Exception | None = None


Take = Callable[[], Sequence[Queued[Request, Result]]]
"""Takes the next batch; it may be empty."""

Run = Callable[[Take[Request, Result]], float | None]
"""Takes a batch when it is ready for it, and resolves each of its requests, or lets it wait again.
Those that it leaves get the error that it raises. Returns the seconds after which it runs again,
with or without a request; None if it waits for one."""


class BatchQueue(Generic[Request, Result]):
    """Runs the requests of this process in batches, one batch at a time, in a thread of its own.

    `unknown` returns the error for the requests of a batch that does not end.
    """

    def __init__(
        self,
        run: Run[Request, Result],
        limits: Limits,
        *,
        unknown: Callable[[], Exception] = RuntimeError,
    ) -> None:
        self._run = run
        self._limits = limits
        self._unknown = unknown
        self._mutex = Lock()
        self._present = self._lines = 0
        self._arrived: SimpleQueue[Queued[Request, Result]] = SimpleQueue()
        # Only the thread that runs the batches uses these.
        self._next: deque[Queued[Request, Result]] = deque()
        Thread(target=self._serve, name="queue", daemon=True).start()

    def submit(self, request: Request, *, lines: int = 1) -> Result:
        """Returns the result of the request when its batch is done, or raises it.

        Raises Overloaded, with nothing done, if the queue is full or the request waited too long;
        the error that `unknown` returns if its batch does not end.
        """
        done = Lock()
        done.acquire()
        queued = self.put(request, lambda _: done.release(), lines=lines)
        if not waits.acquire(done, self._limits.queue_timeout):
            self.give_up(queued)
            if not waits.acquire(done, self._limits.batch_timeout):
                raise self._unknown()
        if isinstance(queued.result, Exception):
            raise queued.result
        return queued.result  # type: ignore[return-value]

    def put(
        self, request: Request, done: Callable[[Result | Exception], object], *, lines: int = 1
    ) -> Queued[Request, Result]:
        """Adds the request, as `submit` does, and does not wait: `done` gets its result. The caller
        calls `give_up` when it has waited too long.

        Raises Overloaded if the queue is full.
        """
        limits = self._limits
        with self._mutex:
            is_full = (
                self._present >= limits.queue_capacity or self._lines + lines > limits.queue_lines
            )
            if not is_full:
                self._present += 1
                self._lines += lines
        if is_full:
            telemetry.orders_rejected.append("full")
            raise Overloaded
        queued: Queued[Request, Result] = Queued(request, lines, done)
        self._arrived.put(queued)
        return queued

    def put_back(self, queued: Queued[Request, Result]) -> None:
        """Lets a taken request wait again, for a later `again`, or `take`."""
        with self._mutex:
            if queued.state is State.TAKEN:
                queued.state = State.WAITING

    def again(self, waiting: Sequence[Queued[Request, Result]]) -> None:
        """Puts requests that wait before all others, in their order. Called by the thread that runs
        the batches."""
        self._next.extendleft(reversed(waiting))

    def take(self, queued: Queued[Request, Result]) -> bool:
        """Takes a request that waits, unless it waited too long and is refused. Returns whether it
        was taken."""
        queued.waited = queued.waiting.seconds
        if queued.waited > self._limits.queue_timeout:
            self.give_up(queued)
        with self._mutex:
            is_waiting = queued.state is State.WAITING
            if is_waiting:
                queued.state = State.TAKEN
        return is_waiting

    def resolve(self, queued: Queued[Request, Result], result: Result | Exception) -> None:
        """Sets the result of a request, unless it has one, and calls its `done`."""
        self._end(queued, result, State.WAITING, State.TAKEN)

    def give_up(self, queued: Queued[Request, Result]) -> None:
        """Refuses the request as Overloaded if it still waits for a batch. If its batch does not
        end either, its result is what `unknown` returns."""
        if self._end(queued, Overloaded(), State.WAITING):
            telemetry.orders_rejected.append("late")
        elif queued.waiting.seconds > self._limits.batch_timeout:
            self.resolve(queued, self._unknown())

    def _end(
        self, queued: Queued[Request, Result], result: Result | Exception, *states: State
    ) -> bool:
        with self._mutex:
            ends = queued.state in states
            if ends:
                queued.state, queued.result = State.DONE, result
                self._present -= 1
                self._lines -= queued.lines
        if ends:
            queued.done(result)
        return ends

    def _run_next(self) -> float | None:
        taken: list[Queued[Request, Result]] = []
        again, running = None, Stopwatch()

        def take() -> Sequence[Queued[Request, Result]]:
            taken.extend(self._next_batch())
            return taken

        try:
            again = self._run(take)
        except Exception as error:
            for queued in taken or take():
                self._end(queued, _copied(error), State.TAKEN)
            self._collect()
            for queued in self._next:
                if queued.waiting.seconds > self._limits.fail_fast_after:
                    self._end(queued, _copied(error), State.WAITING)
        done = [queued for queued in taken if queued.state is State.DONE]
        if done:
            waited, results = zip(*((queued.waited, queued.result) for queued in done), strict=True)
            left = self._arrived.qsize() + len(self._next)
            telemetry.batches.append(Batch(waited, results, running.seconds, left))
        return again

    def _serve(self) -> None:
        again: float | None = None
        while True:
            if not self._next:
                self._wait_for_request(again)
            again = self._run_next()

    def _wait_for_request(self, again: float | None) -> None:
        """Waits for a request, or until the batches run again without one."""
        try:
            self._next.append(
                self._arrived.get(timeout=KEEP_CONNECTION if again is None else again)
            )
        except Empty:
            if again is None:
                waits.release()
                self._next.append(self._arrived.get())

    def _collect(self) -> None:
        while not self._arrived.empty():
            self._next.append(self._arrived.get_nowait())

    def _next_batch(self) -> list[Queued[Request, Result]]:
        """Takes the first requests that run together."""
        self._collect()
        batch: list[Queued[Request, Result]] = []
        lines = 0
        while self._next and len(batch) < self._limits.max_batch_size:
            lines += self._next[0].lines
            if batch and lines > self._limits.max_batch_lines:
                break
            batch += filter(self.take, [self._next.popleft()])
        return batch


def _copied(error: Exception) -> Exception:
    """Returns a copy. If several threads raise the same exception, it collects the tracebacks of
    all of them."""
    try:
        copied = copy.copy(error)
    except Exception:
        # Not every exception can be created from its `args`.
        return error
    copied.__cause__ = error.__cause__
    return copied
