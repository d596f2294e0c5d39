"""Batch queue: executes the requests that arrive during one transaction in the next one.

With a transaction for each request, throughput is limited by commits, and by the locks that are
held until a commit is on disk. So threads wait here, and one transaction serves all of them (group
commit). An idle server adds no delay: if no batch runs, a thread runs its own at once. Only threads
that were ready to run join it.

Source: group commit of database logs (DeWitt et al., "Implementation techniques for main memory
database systems", 1984); TigerBeetle batches its transfers likewise.
"""

import copy
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Generic, TypeVar

from larder.core import commits, seams, waits
from larder.core.errors import Overloaded
from larder.core.stopwatch import Stopwatch
from larder.core.telemetry import Batch, Observer, Observers

Request = TypeVar("Request")
Result = TypeVar("Result")


LOCK_WAIT = 0.05
"""Seconds that a leader waits for the batch of another queue. One that waits for a lock may take
longer. Then both run at the same time."""

MAX_YIELDS = 8
"""Times that a leader lets other threads run before its batch begins. It stops earlier once no
further request joins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of a batch and of the queue.

    A batch has at most `max_batch_size` requests, with at most `max_batch_lines` lines in total. A
    request with more lines runs alone. At most `queue_capacity` requests wait, each for at most
    `queue_timeout` seconds. When a batch fails, requests that have waited for more than
    `fail_fast_after` seconds fail with it. A batch has `batch_timeout` seconds; the database ends
    each of its transactions long before.
    """

    max_batch_size: int = 128
    max_batch_lines: int = 2_000
    queue_capacity: int = 1_000
    queue_timeout: float = 5.0
    fail_fast_after: float = 1.0
    batch_timeout: float = 120.0


def _closed() -> Lock:
    lock = Lock()
    lock.acquire()
    return lock


@dataclass(slots=True, eq=False)
class _Entry(Generic[Request, Result]):
    """A request in the queue. `wake_up` is released when the request has a result, or when its
    thread must lead. `waited` is its time in the queue in seconds, None before its batch begins.
    `commits` is the number of transactions that its batch committed."""

    request: Request
    lines: int
    waiting: Stopwatch = field(default_factory=Stopwatch)
    wake_up: Lock = field(default_factory=_closed)
    leads: bool = False
    waited: float | None = None
    result: Result | Exception | None = None
    commits: int = 0


class BatchQueue(Generic[Request, Result]):
    """Runs the requests of this process's threads in batches, one batch at a time.

    `run` gets the requests of a batch in the order of arrival, in the thread of one of them. It
    returns a result for each, in the same order. A result that is an Exception is raised in the
    thread of its request only; what `run` itself raises is raised in all threads of the batch.

    The queue starts no thread. The first thread that arrives leads: it runs the waiting
    requests as a batch, makes the first request that arrived meanwhile the next leader, and wakes
    the other threads. So each thread leads at most once, requests are served in order of arrival,
    and a waiting thread waits for a lock, without polling.

    `observe` gets each batch when all its threads have their results, and each request that was
    refused without being run.

    Queues with the same `lock` run their batches one after the other. Otherwise requests of two
    kinds would run in twice as many batches, of half the size.

    `unknown` returns the error for the requests of a batch that committed before its thread was
    interrupted, or that hangs. A queue whose batches do not commit does not need it.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Request]], Sequence[Result | Exception]],
        limits: Limits,
        observe: Observer | None = None,
        *,
        lock: waits.Acquirable | None = None,
        unknown: Callable[[], Exception] = RuntimeError,
    ) -> None:
        self._run = run
        self._limits = limits
        self._observe = observe or Observers()
        self._shared_lock = lock or Lock()
        self._unknown = unknown
        self._mutex = Lock()
        self._waiting: deque[_Entry[Request, Result]] = deque()
        self._is_led = False

    def submit(self, request: Request, *, lines: int = 1) -> Result:
        """Returns the result of the request when its batch is done, or raises it.

        Raises Overloaded, with nothing done, if the queue is full, the request waited too long, or
        the thread of its batch was interrupted before a commit. Raises the error that `unknown`
        returns if the thread was interrupted after a commit, or the batch does not end.
        """
        # Check before joining: a batch would execute the request of a thread that must not wait.
        waits.check()
        entry: _Entry[Request, Result] = _Entry(request, lines)
        try:
            leads = self._join(entry)
        except Overloaded:
            self._observe.refused("full")
            raise
        if not leads:
            self._wait(entry)
        if entry.leads:
            self._lead(entry)
        if isinstance(entry.result, Exception):
            raise entry.result
        commits.add(entry.commits)
        return entry.result  # type: ignore[return-value]

    def _join(self, entry: _Entry[Request, Result]) -> bool:
        """Adds the entry. Returns whether no batch runs, so that this thread leads."""
        seams.reached(seams.JOIN, self)
        with self._mutex:
            if len(self._waiting) >= self._limits.queue_capacity:
                raise Overloaded
            self._waiting.append(entry)
            entry.leads, self._is_led = not self._is_led, True
            return entry.leads

    def _wait(self, entry: _Entry[Request, Result]) -> None:
        """Waits until the entry has a result or leads. A request that a batch has taken may be done
        already: it is refused only when the batch hangs, and then its result is unknown."""
        in_time = waits.acquire(entry.wake_up, self._limits.queue_timeout)
        if in_time or self._timed_out(entry):
            return
        if not waits.acquire(entry.wake_up, self._limits.batch_timeout):
            entry.result = self._unknown()

    def _timed_out(self, entry: _Entry[Request, Result]) -> bool:
        with self._mutex:
            if entry.leads or entry not in self._waiting:
                return False
            self._waiting.remove(entry)
        entry.result = Overloaded()
        self._observe.refused("late")
        return True

    def _lead(self, leader: _Entry[Request, Result]) -> None:
        done: list[_Entry[Request, Result]] = []
        running = Stopwatch()
        try:
            with waits.holding(self._shared_lock, LOCK_WAIT):
                self._let_others_join()
                running = Stopwatch()
                done += self._take()
                self._run_batch(done)
        finally:
            seconds = running.seconds
            # The next batch runs while the threads of this one write their answers.
            self._hand_over(leader)
            for entry in done:
                entry.wake_up.release()
            self._report(done, seconds)

    def _let_others_join(self) -> None:
        """Lets other ready threads run, so that they can join the batch.

        The leader holds the interpreter and a core. Without this, the other ready threads form a
        second batch. PostgreSQL's cost for each order then rises by an eighth with 16 concurrent
        clients, and by a quarter with 4. If no thread is ready, this returns at once (1 µs).
        """
        joined = 0
        for _ in range(MAX_YIELDS):
            if len(self._waiting) <= joined:
                return
            joined = len(self._waiting)
            # Yields the core and releases the interpreter.
            os.sched_yield()

    def _report(self, done: Sequence[_Entry[Request, Result]], seconds: float) -> None:
        ran = [(one.waited, one.result) for one in done if one.waited is not None]
        if ran:
            waited, results = zip(*ran, strict=True)
            self._observe.batch_done(Batch(waited, results, seconds, len(self._waiting)))
        for _ in range(len(done) - len(ran)):
            self._observe.refused("late")

    def _take(self) -> list[_Entry[Request, Result]]:
        """Takes the next batch. Entries that waited too long get Overloaded as their result."""
        seams.reached(seams.TAKE, self)
        with self._mutex:
            taken = list(self._within_limits())
        for entry in taken:
            waited = entry.waiting.seconds
            if waited > self._limits.queue_timeout:
                entry.result = Overloaded()
            else:
                entry.waited = waited
        return taken

    def _within_limits(self) -> Iterator[_Entry[Request, Result]]:
        lines = 0
        for _ in range(self._limits.max_batch_size):
            if not self._waiting:
                return
            lines += self._waiting[0].lines
            if lines > self._limits.max_batch_lines and lines > self._waiting[0].lines:
                return
            yield self._waiting.popleft()

    def _run_batch(self, done: list[_Entry[Request, Result]]) -> None:
        """Stores a result in each entry, also if this thread is interrupted. Adds the entries that
        still wait and fail with the batch to `done`."""
        batch = [one for one in done if one.result is None]
        before = commits.count()
        try:
            results = self._run([one.request for one in batch]) if batch else []
            for entry, result in zip(batch, results, strict=True):
                entry.result = result
        except Exception as error:
            late = self._remove_late()
            done += late
            _fail([*batch, *late], error)
        except BaseException:
            nothing_committed = commits.count() == before
            _fail(batch, Overloaded() if nothing_committed else self._unknown())
            raise
        finally:
            made = commits.count() - before
            commits.restart(before)
            for entry in batch:
                entry.commits = made

    def _remove_late(self) -> list[_Entry[Request, Result]]:
        """Removes and returns the entries that do not wait for another batch.

        While the database is unreachable, each batch takes as long as the wait for a connection. A
        request that waited for one failed batch would then wait for a second.
        """
        with self._mutex:
            late = [
                one for one in self._waiting if one.waiting.seconds > self._limits.fail_fast_after
            ]
            for entry in late:
                self._waiting.remove(entry)
        return late

    def _hand_over(self, leader: _Entry[Request, Result]) -> None:
        seams.reached(seams.HAND_OVER, self)
        with self._mutex:
            if self._waiting and self._waiting[0] is leader:
                # The thread was interrupted before it took a batch, and cannot lead again.
                self._waiting.popleft()
            self._is_led = bool(self._waiting)
            if self._waiting:
                self._waiting[0].leads = True
                self._waiting[0].wake_up.release()


def _fail(entries: Iterable[_Entry[Request, Result]], error: Exception) -> None:
    for entry in entries:
        entry.result = _copied(error)


def _copied(error: Exception) -> Exception:
    """Returns a copy. If several threads raise the same exception, it collects the tracebacks of
    all of them."""
    try:
        made = copy.copy(error)
    except Exception:
        # Not every exception can be created from its `args`.
        return error
    made.__cause__ = error.__cause__
    return made
