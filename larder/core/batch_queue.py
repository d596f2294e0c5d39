"""Batch queue: executes the requests that arrive during one transaction in the next one.

With a transaction for each request, throughput is limited by commits, and by the locks that are
held until a commit is on disk. So requests wait here, and one transaction serves all of them (group
commit). An idle server adds no delay: if no batch runs, a request runs at once.

Source: group commit of database logs (DeWitt et al., "Implementation techniques for main memory
database systems", 1984); TigerBeetle batches its transfers likewise.
"""

import copy
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum
from threading import Lock, Thread
from typing import Generic, TypeVar

from larder.core import seams, waits
from larder.core.errors import Overloaded
from larder.core.stopwatch import Stopwatch
from larder.core.telemetry import Batch, Observer, Observers

Request = TypeVar("Request")
Result = TypeVar("Result")

MOST_BESIDE = 3
"""Threads of `BatchQueue.beside`, each of which may hold a connection while it waits for a lock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of a batch and of the queue.

    A batch has at most `max_batch_size` requests, with at most `max_batch_lines` lines in total. A
    request with more lines runs alone. At most `queue_capacity` requests wait, with at
    most `queue_lines` lines, each for at most `queue_timeout` seconds. When a batch fails, requests
    that have waited for more than `fail_fast_after` seconds fail with it. A batch has
    `batch_timeout` seconds; the database ends each of its transactions long before.
    """

    max_batch_size: int = 128
    max_batch_lines: int = 2_000
    queue_capacity: int = 1_000
    queue_lines: int = 10_000
    queue_timeout: float = 5.0
    fail_fast_after: float = 1.0
    batch_timeout: float = 120.0


KEEP_CONNECTION = 1.0
"""Seconds for which the thread of a queue keeps its connection without a request: it does not wait
for one behind the slow requests of others."""


class State(Enum):
    """Where a request is. `BESIDE`: a thread of `BatchQueue.beside` has it."""

    WAITING = 1
    TAKEN = 2
    BESIDE = 3
    DONE = 4


def _closed() -> Lock:
    lock = Lock()
    lock.acquire()
    return lock


@dataclass(slots=True, eq=False)
class Queued(Generic[Request, Result]):
    """A request in the queue. `done` is called when it has a result, in any thread. `waited` is its
    time in the queue in seconds. One that `is_alone` is a batch of its own."""

    request: Request
    lines: int
    done: Callable[[Result | Exception], object]
    is_alone: bool = False
    state: State = State.WAITING
    waiting: Stopwatch = field(default_factory=Stopwatch)
    waited: float = 0.0
    result: Result | Exception | None = None

    def resolve(self, result: Result | Exception) -> None:
        """Sets the result, once, and calls `done`."""
        if self.state is not State.DONE:
            self.state, self.result = State.DONE, result
            self.done(result)


Take = Callable[[], Sequence[Queued[Request, Result]]]
"""Takes the next batch from the queue; it may be empty."""


class BatchQueue(Generic[Request, Result]):
    """Runs the requests of this process in batches, one batch at a time.

    `run` takes a batch when it is ready for it, and resolves each of its requests, or lets it
    rejoin the queue, or passes it to `beside`. Those that it leaves get the error that it raises.

    A server calls `start`: one thread then runs the batches. Without it, as in a command, a thread
    that waits for its request runs the batches itself.

    `observe` gets each batch when its requests have their results, and each request that was
    refused without being run. `unknown` returns the error for the requests of a batch that does not
    end, or whose thread was interrupted.
    """

    def __init__(
        self,
        run: Callable[[Take[Request, Result]], object],
        limits: Limits,
        observe: Observer | None = None,
        *,
        unknown: Callable[[], Exception] = RuntimeError,
    ) -> None:
        self._run = run
        self._limits = limits
        self._observe = observe or Observers()
        self._unknown = unknown
        self._mutex = Lock()
        self._waiting: deque[Queued[Request, Result]] = deque()
        self._lines = 0
        self._was_alone = False
        self._running = Lock()
        self._wake = _closed()
        self._is_idle = False
        self._threads: ThreadPoolExecutor | None = None
        self._left: deque[Callable[[], object]] = deque()

    def start(self) -> None:
        """Starts the thread that runs the batches, once."""
        with self._mutex:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(MOST_BESIDE, "beside the queue")
                Thread(target=self._serve, name="queue", daemon=True).start()

    def submit(
        self,
        request: Request,
        *,
        lines: int = 1,
        beside: Callable[[Queued[Request, Result]], object] | None = None,
    ) -> Result:
        """Returns the result of the request when its batch is done, or raises it. With `beside`, it
        is in no batch: the function lets `beside` resolve it.

        Raises Overloaded, with nothing done, if the queue is full or the request waited too long;
        the error that `unknown` returns if its batch does not end.
        """
        done = _closed()
        queued = self.put(request, lambda _: done.release(), lines=lines, beside=beside)
        if not waits.acquire(done, self._limits.queue_timeout):
            self.give_up(queued)
            if not waits.acquire(done, self._limits.batch_timeout):
                raise self._unknown()
        if isinstance(queued.result, Exception):
            raise queued.result
        return queued.result  # type: ignore[return-value]

    def put(
        self,
        request: Request,
        done: Callable[[Result | Exception], object],
        *,
        lines: int = 1,
        beside: Callable[[Queued[Request, Result]], object] | None = None,
    ) -> Queued[Request, Result]:
        """Adds the request, as `submit` does, and does not wait: `done` gets its result. The caller
        calls `give_up` when it has waited too long.

        Raises Overloaded if the queue is full.
        """
        if beside is None:
            queued = self.join(request, done, lines=lines)
        else:
            queued = Queued(request, lines, done, state=State.BESIDE)
            beside(queued)
        if self._threads is None:
            self._run_here(queued)
        return queued

    def join(
        self, request: Request, done: Callable[[Result | Exception], object], *, lines: int = 1
    ) -> Queued[Request, Result]:
        """Adds the request to the queue. Raises Overloaded if it is full."""
        seams.reached(seams.JOIN, self)
        queued: Queued[Request, Result] = Queued(request, lines, done)
        with self._mutex:
            is_full = (
                len(self._waiting) >= self._limits.queue_capacity
                or self._lines + lines > self._limits.queue_lines
            )
            if not is_full:
                self._waiting.append(queued)
                self._lines += lines
                self._rouse()
        if is_full:
            self._observe.refused("full")
            raise Overloaded
        return queued

    def rejoin(self, batch: Sequence[Queued[Request, Result]]) -> None:
        """Puts requests of a batch before all others, in their order."""
        with self._mutex:
            for queued in reversed(batch):
                queued.state = State.WAITING
                self._lines += queued.lines
                self._waiting.appendleft(queued)
            self._rouse()

    def give_up(self, queued: Queued[Request, Result]) -> None:
        """Refuses the request as Overloaded if it still waits for a batch. If its batch does not
        end either, its result is what `unknown` returns."""
        with self._mutex:
            is_waiting = queued.state is State.WAITING
            if is_waiting:
                self._waiting.remove(queued)
                self._lines -= queued.lines
                queued.resolve(Overloaded())
        if is_waiting:
            self._observe.refused("late")
        elif queued.waiting.seconds > self._limits.batch_timeout:
            queued.resolve(self._unknown())

    def beside(self, do: Callable[[], object]) -> None:
        """Runs the function beside the batches: in a thread of its own, or after the batch without
        one."""
        if self._threads is None:
            self._left.append(do)
        else:
            self._threads.submit(do)

    def _rouse(self) -> None:
        if self._is_idle:
            self._is_idle = False
            self._wake.release()

    def _serve(self) -> None:
        while True:
            with self._mutex:
                self._is_idle = not self._waiting
            if self._is_idle and not self._wake.acquire(timeout=KEEP_CONNECTION):
                waits.release()
                self._wake.acquire()
            self._run_next()

    def _run_here(self, queued: Queued[Request, Result]) -> None:
        """Runs batches until this request is in one."""
        while queued.state is State.WAITING or self._left:
            with waits.holding(self._running, self._limits.queue_timeout) as is_free:
                if is_free and queued.state is State.WAITING:
                    self._run_next()
            while self._left:
                self._left.popleft()()
            if not is_free:
                break

    def _run_next(self) -> None:
        taken: list[Queued[Request, Result]] = []
        running = Stopwatch()

        def take() -> Sequence[Queued[Request, Result]]:
            taken.extend(self._take())
            return taken

        try:
            self._run(take)
        except Exception as error:
            failed = [*(taken or self._take()), *self._remove_late()]
            taken = failed
            _fail(failed, error)
        except BaseException:
            _fail(taken, self._unknown())
            raise
        done = [one for one in taken if one.state is State.DONE]
        if done:
            waited, results = zip(*((one.waited, one.result) for one in done), strict=True)
            self._observe.batch_done(Batch(waited, results, running.seconds, len(self._waiting)))

    def _take(self) -> list[Queued[Request, Result]]:
        """Takes the next batch, without requests that waited too long, which are refused."""
        seams.reached(seams.TAKE, self)
        with self._mutex:
            batch = list(self._within_limits())
            for queued in batch:
                queued.state = State.TAKEN
                self._lines -= queued.lines
            if len(batch) == len(self._waiting):
                self._waiting.clear()
            else:
                self._waiting = deque(one for one in self._waiting if one.state is State.WAITING)
            self._was_alone = any(one.is_alone for one in batch)
        taken = []
        for queued in batch:
            queued.waited = queued.waiting.seconds
            if queued.waited > self._limits.queue_timeout:
                queued.resolve(Overloaded())
                self._observe.refused("late")
            else:
                taken.append(queued)
        return taken

    def _within_limits(self) -> Iterator[Queued[Request, Result]]:
        """Yields the first requests that run together, or one alone. Between two that run alone,
        those that run together have a batch."""
        together = [one for one in self._waiting if not one.is_alone]
        if self._waiting and self._waiting[0].is_alone and not (self._was_alone and together):
            yield self._waiting[0]
            return
        lines = 0
        for queued in together[: self._limits.max_batch_size] or [*self._waiting][:1]:
            lines += queued.lines
            if lines > self._limits.max_batch_lines and lines > queued.lines:
                return
            yield queued

    def _remove_late(self) -> list[Queued[Request, Result]]:
        """Removes and returns the requests that do not wait for another batch.

        While the database is unreachable, each batch takes as long as the wait for a connection. A
        request that waited for one failed batch would then wait for a second.
        """
        with self._mutex:
            late = [
                one for one in self._waiting if one.waiting.seconds > self._limits.fail_fast_after
            ]
            for queued in late:
                self._waiting.remove(queued)
                queued.state = State.TAKEN
                self._lines -= queued.lines
        return late


def together(
    run: Callable[[Sequence[Request]], Sequence[Result | Exception]],
) -> Callable[[Take[Request, Result]], None]:
    """Returns a `run` that takes a batch at once, and resolves its requests with the results of
    this function, in their order."""

    def take_and_run(take: Take[Request, Result]) -> None:
        batch = take()
        results = run([one.request for one in batch]) if batch else []
        for queued, result in zip(batch, results, strict=True):
            queued.resolve(result)

    return take_and_run


def _fail(batch: Iterable[Queued[Request, Result]], error: Exception) -> None:
    for queued in batch:
        if queued.state is State.TAKEN:
            queued.resolve(_copied(error))


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
