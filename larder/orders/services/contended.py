"""The contended lane: where orders wait for locks that another transaction keeps."""

from collections import Counter
from collections.abc import Collection, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import BoundedSemaphore, Lock

from larder.core.per_key import place_of
from larder.core.stopwatch import Stopwatch

ON_ITS_WAY = 1.0
"""Seconds for which a row counts as contended after a batch did not get it: until then an order
that was refused as Contended waits for it in the lane, if there is a place."""

REMEMBERED = 10.0
"""Seconds for which a row counts as contended after an order waited for it in the lane until its
time limit. The next order of it enters the lane as well, and ends that if it gets the lock."""

Row = Hashable
"""What an order locks: a product's stock, by its id, or a customer's cart."""


class Contended(Exception):
    """A lock that this order needs was not available: it waits in the contended lane."""


class ContendedLane:
    """Where such orders wait: few at a time, for each has a thread and a connection.

    While an order waits there for a row, orders that lock the same row enter it as well and delay
    no other. Once the row is free they do not: the lane is slower than a batch.
    """

    def __init__(self, most: int) -> None:
        self._places = BoundedSemaphore(most)
        self._lock = Lock()
        self._rows: Counter[Row] = Counter()
        self._marked: dict[Row, float] = {}
        self._clock = Stopwatch()

    def contended(self, rows: Collection[Row]) -> frozenset[Row]:
        """Returns those of these rows that are waited for in the lane, or marked."""
        waited, marked = self._rows, self._marked
        if not waited and not marked:
            return frozenset()
        now = self._clock.seconds
        return frozenset([row for row in rows if row in waited or marked.get(row, 0.0) > now])

    def is_contended(self, rows: Collection[Row]) -> bool:
        """Returns whether any of these rows is waited for in the lane, or marked."""
        return bool(self.contended(rows))

    def mark_contended(self, rows: Collection[Row], seconds: float = ON_ITS_WAY) -> None:
        """Counts these rows as contended for so long: orders that lock them are about to enter the
        lane, and the next batch, which begins before they do, would wait for the same lock."""
        with self._lock:
            now = self._clock.seconds
            kept = {row: until for row, until in self._marked.items() if until > now}
            self._marked = kept | dict.fromkeys(rows, now + seconds)

    def place(self) -> AbstractContextManager[None]:
        """Returns a place in the lane. Entering it raises Overloaded if there is none."""
        return place_of(self._places)

    @contextmanager
    def waiting(self, rows: Collection[Row]) -> Iterator[None]:
        """Counts these rows as contended while the block waits for them. After that they are not,
        unless it fails: then they are for REMEMBERED seconds."""
        with self._lock:
            self._rows += Counter(set(rows))
        try:
            yield
            self._unmark(rows)
        except BaseException:
            self.mark_contended(rows, REMEMBERED)
            raise
        finally:
            with self._lock:
                self._rows -= Counter(set(rows))

    def _unmark(self, rows: Collection[Row]) -> None:
        with self._lock:
            self._marked = {row: end for row, end in self._marked.items() if row not in rows}
