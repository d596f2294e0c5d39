"""Limits for each key: how much threads of a process do for one account at once."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock

from larder.common import waits
from larder.common.errors import Overloaded

MOST_WAITING = 16
"""Threads of a process that wait in `PerKey.alone`, for all keys together, of 32: a few keys cannot
keep all threads. A thread whose key has no other thread does not wait."""

_waiting = BoundedSemaphore(MOST_WAITING)


class PerKey:
    """Places for each key, `most` of them; None sets no limit. A key without a thread takes no
    memory."""

    def __init__(self, most: int | None = None) -> None:
        self._lock = Lock()
        self._most = most
        self._present: dict[Hashable, tuple[Lock, int]] = {}

    @contextmanager
    def place(self, key: Hashable, places: int = 1) -> Iterator[Lock]:
        """Holds that many places for the block, and gives it the lock that the key's threads share.

        Raises Overloaded at once if the key has fewer places left.
        """
        lock = self._enter(key, places)
        try:
            yield lock
        finally:
            self._leave(key, places)

    @contextmanager
    def alone(self, key: Hashable, seconds: float) -> Iterator[None]:
        """Runs the block while no other thread runs one for the key: waits so long at most, in a
        place and without a connection. Raises Overloaded, at once if MOST_WAITING wait already."""
        with self.place(key) as lock:
            if not _acquired(lock, seconds):
                raise Overloaded
            try:
                yield
            finally:
                lock.release()

    def _enter(self, key: Hashable, places: int) -> Lock:
        with self._lock:
            lock, taken = self._present.get(key) or (Lock(), 0)
            if self._most is not None and taken + places > self._most:
                raise Overloaded
            self._present[key] = (lock, taken + places)
        return lock

    def _leave(self, key: Hashable, places: int) -> None:
        with self._lock:
            lock, taken = self._present.pop(key)
            if taken > places:
                self._present[key] = (lock, taken - places)


def _acquired(lock: Lock, seconds: float) -> bool:
    waits.check()
    if lock.acquire(blocking=False):
        return True
    if not _waiting.acquire(blocking=False):
        return False
    try:
        return waits.acquire(lock, seconds)
    finally:
        _waiting.release()
