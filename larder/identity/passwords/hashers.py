"""Password hashing: how many threads hash at once, and how many may wait.

A hash takes as long as a hundred statements, and a thread that hashes or waits serves no other
request. So each process bounds both, separately for staff: many log-ins of customers do not keep
staff out (docs/api/account.md).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from random import uniform
from threading import BoundedSemaphore
from typing import Literal

from django.contrib.auth.hashers import Argon2PasswordHasher

from larder.core import telemetry, waits
from larder.core.errors import Overloaded

Lane = Literal["staff", "others"]

LONGEST_WAIT = 5.0
"""Seconds that a log-in waits for a slot before it is refused."""
LONGEST_RETRY = 10.0
"""Maximum number of seconds over which the retries of refused clients are spread."""


class Bounds:
    """What the threads of one lane may take: `at_once` of them hash, `places` hash or wait."""

    def __init__(self, at_once: int, places: int) -> None:
        self._slots = BoundedSemaphore(at_once)
        self._places = BoundedSemaphore(places)

    @contextmanager
    def slot(self, lane: Lane) -> Iterator[None]:
        """Holds a slot for the block, which hashes. Raises Overloaded: at once without a free
        place, or after LONGEST_WAIT."""
        if not self._places.acquire(blocking=False):
            raise _refusal(lane)
        try:
            # A hash takes as long as a hundred statements: other threads need the connection.
            waits.release()
            with waits.holding(self._slots, LONGEST_WAIT) as may_run:
                if not may_run:
                    raise _refusal(lane)
                yield
        finally:
            self._places.release()


def _refusal(lane: Lane) -> Overloaded:
    """Counts a refused client, and returns its error. Clients that are refused together do not all
    retry at once."""
    telemetry.hashes_refused.append(lane)
    return Overloaded(uniform(1.0, LONGEST_RETRY))  # noqa: S311 - nothing is secret about it


def lanes_of(at_once: int, *, staff: int, others: int) -> dict[Lane, Bounds]:
    """Returns the lanes, with these places. Of staff one hashes at a time."""
    return {"staff": Bounds(1, staff), "others": Bounds(at_once, others)}


def _lanes_for(threads: int, at_once: int) -> dict[Lane, Bounds]:
    """Returns lanes with which at least four of ten threads serve other requests."""
    return lanes_of(at_once, staff=max(1, threads // 5), others=max(2, threads // 3))


_lanes = _lanes_for(threads=32, at_once=1)
_lane: ContextVar[Lane] = ContextVar("lane", default="others")


def use(*, threads: int, processes: int) -> None:
    """Sets the bounds of this process. All processes of the server together hash on at most half of
    the cores for others than staff, but on at least one each. Called when a process starts."""
    _lanes.update(_lanes_for(threads, max(1, _cores() // (2 * processes))))


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def in_lane(lane: Lane) -> Iterator[None]:
    """Lets the hashes of the block count in this lane."""
    before = _lane.set(lane)
    try:
        yield
    finally:
        _lane.reset(before)


@contextmanager
def slot() -> Iterator[None]:
    """Holds a slot of the thread's lane for the block, which hashes. Raises Overloaded."""
    lane = _lane.get()
    with _lanes[lane].slot(lane):
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
