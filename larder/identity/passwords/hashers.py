"""Password hashing: how many threads hash at once, how many may wait, and in which order.

A hash takes as long as a hundred statements, and a thread that hashes or waits serves no other
request. So each process has a queue with two lanes and separate places. Clients that prove that
the account is theirs never wait behind clients without a proof (docs/api/account.md).
"""

import os
from collections.abc import Collection, Hashable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from random import uniform
from threading import Lock
from typing import Literal

from django.contrib.auth.hashers import Argon2PasswordHasher

from larder.core import telemetry, waits
from larder.core.errors import Overloaded
from larder.core.shares import Waiter, WaitingList, holders
from larder.core.stopwatch import Stopwatch

Lane = Literal["returning", "open"]
"""`returning` is for clients that prove that they were logged in to the account before."""

LONGEST_WAIT = 5.0
"""Seconds that a log-in waits for a slot before it is refused."""
LONGEST_RETRY = 30.0
"""Maximum number of seconds over which the retries of refused clients are spread."""


@dataclass(slots=True)
class _Lane(WaitingList):
    """A waiting list with the time up to which hashes of refused clients are `planned`."""

    planned: float = 0.0


class HashQueue:
    """Runs `at_once` hashes of a process at once. The others wait in their lanes.

    A free slot goes to the lane `returning` first. So a thread there only waits for the hashes
    before it in the same lane, and for the rest of one running hash.
    """

    def __init__(self, at_once: int, places: Mapping[Lane, int]) -> None:
        self._lock = Lock()
        self._age = Stopwatch()
        self._at_once = at_once
        self._free = at_once
        self._seconds = 0.05
        self._lanes: dict[str, _Lane] = {
            "returning": _Lane(places["returning"]),
            "open": _Lane(places["open"]),
        }

    @contextmanager
    def in_lane(self, lane: Lane, holders: Collection[Hashable] = ()) -> Iterator[Waiter]:
        """Holds a place in the lane for the block. `holders` are its account and networks.

        Raises Overloaded at once if no place is free or can be taken from a larger holder.
        """
        waiters, mine = self._lanes[lane], Waiter(lane, holders)
        with self._lock:
            if not waiters.enter(mine):
                raise self._refusal(mine.waiting_list)
        try:
            yield mine
        finally:
            with self._lock:
                waiters.leave(mine)

    @contextmanager
    def slot(self, mine: Waiter) -> Iterator[None]:
        """Holds a slot for the block, which hashes. Waits up to LONGEST_WAIT. Raises Overloaded,
        also if the place is lost to another thread meanwhile."""
        self._wait(mine)
        took = Stopwatch()
        try:
            yield
        finally:
            self._pass_on(took.seconds)

    def _wait(self, mine: Waiter) -> None:
        waiters = self._lanes[mine.waiting_list]
        with self._lock:
            if self._free:
                self._free -= 1
                return
            mine.woken.clear()
            waiters.waiting.append(mine)
        waits.wait(mine.woken, LONGEST_WAIT)
        with self._lock:
            if mine.may_run:
                return
            if not mine.is_lost:
                waiters.waiting.remove(mine)
            raise self._refusal(mine.waiting_list)

    def _pass_on(self, seconds: float) -> None:
        """Gives the slot to a thread in the first lane with threads: of the holder with the fewest
        places, and of these the one that has waited longest."""
        with self._lock:
            self._seconds += (seconds - self._seconds) / 8
            waiters = next((one for one in self._lanes.values() if one.waiting), None)
            if waiters is None:
                self._free += 1
            else:
                first = min(waiters.waiting, key=waiters.largest)
                waiters.waiting.remove(first)
                first.woken.set()

    def _refusal(self, lane: str) -> Overloaded:
        """Counts and returns the error for one more client: it must retry after those refused
        before it.

        The retries of clients that are refused together are spread over the time of their hashes,
        with some random scatter. Otherwise they would all retry at once.
        """
        telemetry.hashes_refused.append(lane)
        waiters, now = self._lanes[lane], self._age.seconds
        after = max(waiters.planned, now) + self._seconds / self._at_once
        waiters.planned = min(after, now + LONGEST_RETRY)
        scatter = uniform(0.5, 1.5)  # noqa: S311 - nothing is secret about it
        return Overloaded(scatter * (1 + waiters.planned - now))


def _queue_for(threads: int, at_once: int) -> HashQueue:
    """Returns a queue for at most six tenths of the threads. The others serve other requests."""
    returning = max(1, threads * 3 // 10)
    return HashQueue(at_once, {"returning": returning, "open": open_places(threads)})


def open_places(threads: int) -> int:
    """Returns the maximum number of a process's threads that hash or wait in the open lane."""
    return max(2, threads // 3)


_queue = [_queue_for(threads=32, at_once=1)]
_waiter: ContextVar[Waiter | None] = ContextVar("waiter", default=None)


def use(*, threads: int, processes: int) -> None:
    """Creates the queue of this process. All processes of the server together hash on at most half
    of the cores, but on at least one each. Called when a process starts."""
    at_once = max(1, min(_cores() // (2 * processes), open_places(threads) - 1))
    _queue[0] = _queue_for(threads, at_once)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def in_lane(lane: Lane) -> Iterator[None]:
    """Holds a place in this lane for the holders of the thread (larder/core/shares.py). The hashes
    of the block wait in it.

    Raises Overloaded at once if no place is free or can be taken from a larger holder.
    """
    with _queue[0].in_lane(lane, holders()) as mine:
        before = _waiter.set(mine)
        try:
            yield
        finally:
            _waiter.reset(before)


@contextmanager
def slot() -> Iterator[None]:
    """Holds a slot for the block, which hashes. Without a place it takes one in the open lane.

    Raises Overloaded.
    """
    mine = _waiter.get()
    if mine is None:
        with in_lane("open"), slot():
            yield
        return
    # A hash takes as long as a hundred statements: other threads need the connection.
    waits.begin()
    with _queue[0].slot(mine):
        yield


class BoundedArgon2PasswordHasher(Argon2PasswordHasher):
    """Argon2id with 19 MiB, two passes and one lane, a few at once in each process.

    The parameters are OWASP's minimum (Password Storage Cheat Sheet). With Django's default of
    100 MiB two cores serve nine log-ins a second. The limit of concurrent hashes leaves processor
    time for orders while many customers log in.
    """

    memory_cost = 19 * 1024
    time_cost = 2
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with slot():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with slot():
            return super().verify(password, encoded)

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Does nothing: Argon2 needs no additional iterations."""
