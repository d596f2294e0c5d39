"""Orders that wait for a lock which another transaction keeps for long: apart from all others."""

from collections import Counter
from collections.abc import Collection, Hashable, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock

from larder.common.errors import Overloaded
from larder.common.stopwatch import Stopwatch

ON_ITS_WAY = 0.1
"""Seconds within which an order that was refused as Contended has entered the lane."""

REMEMBERED = 10.0
"""Seconds for which a row counts as contended after an order waited for it in the lane until its
time limit. The next order of it enters the lane as well, and ends that if it gets the lock."""

Row = Hashable
"""What an order locks: a product's stock, by its id, or a customer's cart."""


class Contended(Exception):
    """A lock that this order needs was not available: it waits in the contended lane."""


class ContendedLane:
    """Where such orders wait, each in a transaction of its own: few at a time, for each has a
    thread and a connection.

    While an order waits there, orders that lock the same rows enter it as well and delay no other.
    """

    def __init__(self, most: int) -> None:
        self._places = BoundedSemaphore(most)
        self._lock = Lock()
        self._rows: Counter[Row] = Counter()
        self._marked: dict[Row, float] = {}
        self._clock = Stopwatch()

    def is_contended(self, rows: Collection[Row]) -> bool:
        """Whether one of these rows is waited for in the lane, or marked."""
        if self._rows and not self._rows.keys().isdisjoint(rows):
            return True
        marked, now = self._marked, self._clock.seconds
        return bool(marked) and any(marked.get(row, 0.0) > now for row in rows)

    def mark_contended(self, rows: Collection[Row], seconds: float = ON_ITS_WAY) -> None:
        """Counts these rows as contended for so long: orders that lock them are about to enter the
        lane, and the next batch, which begins before they do, would wait for the same lock."""
        with self._lock:
            now = self._clock.seconds
            kept = {row: until for row, until in self._marked.items() if until > now}
            self._marked = kept | dict.fromkeys(rows, now + seconds)

    def unmark(self, rows: Collection[Row]) -> None:
        """Notes that an order has locked these rows."""
        with self._lock:
            self._marked = {row: end for row, end in self._marked.items() if row not in rows}

    @contextmanager
    def waiting(self, rows: Collection[Row]) -> Iterator[None]:
        """Keeps a place in the lane for the block. Raises Overloaded if there is none."""
        if not self._places.acquire(blocking=False):
            raise Overloaded
        with self._lock:
            self._rows += Counter(set(rows))
        try:
            yield
        finally:
            with self._lock:
                self._rows -= Counter(set(rows))
            self._places.release()
