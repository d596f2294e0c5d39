"""Orders that wait for what somebody else holds for long, out of the way of all others."""

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock

from larder.common.errors import Overloaded
from larder.common.stopwatch import Stopwatch

ON_ITS_WAY = 0.1
"""Seconds within which whoever was told that they are held up has come here."""


class HeldUp(Exception):
    """A lock that this order needs was not to be had: it is to wait by itself."""


class Aside:
    """Where such orders wait: few at a time, for each has a thread and a connection.

    As long as one waits, orders of the same products join it here and hold up nobody.
    """

    def __init__(self, most: int) -> None:
        self._turns = BoundedSemaphore(most)
        self._lock = Lock()
        self._products: Counter[int] = Counter()
        self._announced: frozenset[int] = frozenset()
        self._since = Stopwatch()

    def concerns(self, products: Collection[int]) -> bool:
        """Whether an order of one of these products waits here, or is on its way."""
        if self._products and not self._products.keys().isdisjoint(products):
            return True
        if not self._announced or self._announced.isdisjoint(products):
            return False
        return self._since.seconds < ON_ITS_WAY

    def announce(self, products: Collection[int]) -> None:
        """Orders of these products are about to be told that they are held up. The next group
        begins before they are here, and would wait for the same lock."""
        self._announced, self._since = frozenset(products), Stopwatch()

    @contextmanager
    def turn(self, products: Collection[int]) -> Iterator[None]:
        """Waiting for these products. Raises Overloaded at once where as many wait as may."""
        if not self._turns.acquire(blocking=False):
            raise Overloaded
        with self._lock:
            self._products += Counter(set(products))
        try:
            yield
        finally:
            with self._lock:
                self._products -= Counter(set(products))
            self._turns.release()
