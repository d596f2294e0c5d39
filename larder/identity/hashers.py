"""How passwords are hashed, how many at once, and how many may wait for it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from django.contrib.auth.hashers import Argon2PasswordHasher

from larder.common import database
from larder.common.errors import Overloaded

HASHES_AT_ONCE = 1
MOST_WAITING = 9
"""Who hashes or waits holds a thread: of the thirty-two that a process has unless it is told
otherwise, a rush of log-ins leaves twenty-two to all others."""
LONGEST_WAIT = 5.0
"""Seconds that a log-in waits for its turn before it is told to come back."""

_turns = BoundedSemaphore(HASHES_AT_ONCE)
_places = BoundedSemaphore(HASHES_AT_ONCE + MOST_WAITING)


def let_hash(*, threads: int, processes: int) -> None:
    """Leaves two thirds of a process's threads, and half of the cores that its server's processes
    may use, to all else; but one hashes in each, and one may wait. Called before there are any."""
    global HASHES_AT_ONCE, MOST_WAITING, _turns, _places  # noqa: PLW0603  as Django makes hashers without arguments
    third = threads // 3
    HASHES_AT_ONCE = max(1, min(_cores() // (2 * processes), third - 1))
    MOST_WAITING = max(1, third - HASHES_AT_ONCE)
    _turns = BoundedSemaphore(HASHES_AT_ONCE)
    _places = BoundedSemaphore(HASHES_AT_ONCE + MOST_WAITING)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def _turn() -> Iterator[None]:
    """Raises Overloaded, at once where too many wait."""
    with _place():
        # A hash takes as long as a hundred statements: somebody else needs the connection.
        database.release()
        if not _turns.acquire(timeout=LONGEST_WAIT):
            raise Overloaded
        try:
            yield
        finally:
            _turns.release()


@contextmanager
def _place() -> Iterator[None]:
    if not _places.acquire(blocking=False):
        raise Overloaded
    try:
        yield
    finally:
        _places.release()


class BoundedArgon2PasswordHasher(Argon2PasswordHasher):
    """Argon2id with 19 MiB, two passes, one lane, a few at a time in each process.

    The parameters are OWASP's minimum (Password Storage Cheat Sheet). Django's default of
    100 MiB would let two cores answer nine log-ins a second; the cap keeps a rush of log-ins
    from taking the processors away from orders.
    """

    memory_cost = 19 * 1024
    time_cost = 2
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with _turn():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with _turn():
            return super().verify(password, encoded)

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Argon2 has no cheaper variant to be topped up."""
