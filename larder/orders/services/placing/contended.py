"""The contended lane, in which orders wait for locks that another transaction keeps."""

from collections import Counter
from collections.abc import Collection, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import BoundedSemaphore, Lock
from typing import Final

from larder.core.per_key import hold_slot
from larder.core.stopwatch import Stopwatch

ON_ITS_WAY = 1.0
"""Seconds for which a row counts as contended after a batch did not get its lock. In this time the
order that was refused as Contended enters the lane, if there is a slot."""

REMEMBERED = 10.0
"""Seconds for which a row counts as contended after an order waited for it in the lane until the
time limit. The next order with this row enters the lane too; if it gets the lock, the row no longer
counts as contended."""

BATCH_LOCK: Final = Lock()
"""The lock of all batches that lock stock in this process."""

Row = Hashable
"""A row that an order locks: a product's stock, by its id, or a customer's cart."""


class Contended(Exception):
    """A lock that this order needs was not available, so it must wait in the contended lane."""


class ContendedLane:
    """The lane of such orders: few at a time, because each has a thread and a connection.

    While an order waits in the lane for a row, other orders that lock this row enter it too, so
    they delay no batch. Once the row is free they do not enter it, because the lane is slower than
    a batch.
    """

    def __init__(self, most: int) -> None:
        self._slots = BoundedSemaphore(most)
        self._lock = Lock()
        self._rows: Counter[Row] = Counter()
        self._marked: dict[Row, float] = {}
        self._clock = Stopwatch()

    def contended(self, rows: Collection[Row]) -> frozenset[Row]:
        """Returns those of the rows for which an order waits in the lane, or that are marked."""
        waited, marked = self._rows, self._marked
        if not waited and not marked:
            return frozenset()
        now = self._clock.seconds
        return frozenset([row for row in rows if row in waited or marked.get(row, 0.0) > now])

    def is_contended(self, rows: Collection[Row]) -> bool:
        """Returns whether an order waits in the lane for any of the rows, or any is marked."""
        return bool(self.contended(rows))

    def mark_contended(self, rows: Collection[Row], seconds: float = ON_ITS_WAY) -> None:
        """Marks these rows as contended for so many seconds. Orders that lock them are about to
        enter the lane, and the next batch, which begins before that, would wait for the same
        lock."""
        with self._lock:
            now = self._clock.seconds
            kept = {row: until for row, until in self._marked.items() if until > now}
            self._marked = kept | dict.fromkeys(rows, now + seconds)

    def slot(self) -> AbstractContextManager[None]:
        """Returns a slot in the lane. Entering it raises Overloaded if there is none."""
        return hold_slot(self._slots)

    @contextmanager
    def waiting(self, rows: Collection[Row]) -> Iterator[None]:
        """Counts these rows as contended while the block runs. If the block fails, they stay
        contended for REMEMBERED seconds."""
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
