"""Limits for each key: how many threads of a process do something for one account at once."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from threading import Lock

from larder.common import waits
from larder.common.errors import Overloaded


class PerKey:
    """Places for each key, `most` of them; None sets no limit. A key without a thread takes no
    memory."""

    def __init__(self, most: int | None = None) -> None:
        self._lock = Lock()
        self._most = most
        self._present: dict[Hashable, tuple[Lock, int]] = {}

    @contextmanager
    def place(self, key: Hashable) -> Iterator[Lock]:
        """Holds a place for the block, and gives it the lock that the key's threads share.

        Raises Overloaded at once if all places of the key are taken.
        """
        lock = self._enter(key)
        try:
            yield lock
        finally:
            self._leave(key)

    @contextmanager
    def alone(self, key: Hashable, seconds: float) -> Iterator[None]:
        """Runs the block while no other thread runs one for the key: waits so long at most, in a
        place and without a connection. Raises Overloaded."""
        with self.place(key) as lock, waits.holding(lock, seconds) as is_alone:
            if not is_alone:
                raise Overloaded
            yield

    def _enter(self, key: Hashable) -> Lock:
        with self._lock:
            lock, threads = self._present.get(key) or (Lock(), 0)
            if threads == self._most:
                raise Overloaded
            self._present[key] = (lock, threads + 1)
        return lock

    def _leave(self, key: Hashable) -> None:
        with self._lock:
            lock, threads = self._present.pop(key)
            if threads > 1:
                self._present[key] = (lock, threads - 1)
