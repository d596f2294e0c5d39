"""Limits what the threads of a process do at once, in total or for each key (an account)."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock, Semaphore

from larder.core import waits
from larder.core.errors import Overloaded

LONGEST_WAIT = 5.0
"""Seconds that a thread waits for its turn, as long as for a row lock."""


@contextmanager
def hold_slot(slots: Semaphore) -> Iterator[None]:
    """Holds one of the slots for the block. Raises Overloaded at once if none is left."""
    if not slots.acquire(blocking=False):
        raise Overloaded
    try:
        yield
    finally:
        slots.release()


class Turns:
    """Lets `most` threads run at once, and `waiting` others wait for them, without a connection."""

    def __init__(self, most: int, waiting: int) -> None:
        self._running = BoundedSemaphore(most)
        self._present = BoundedSemaphore(most + waiting)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Runs the block when it is the thread's turn. Raises Overloaded: at once if too many wait,
        or after LONGEST_WAIT."""
        with hold_slot(self._present), waits.holding(self._running, LONGEST_WAIT) as is_free:
            if not is_free:
                raise Overloaded
            yield


class SlotsPerKey:
    """Limits the slots of each key to `most`. A key without a slot in use takes no memory."""

    def __init__(self, most: int) -> None:
        self._lock = Lock()
        self._most = most
        self._taken: dict[Hashable, int] = {}

    @contextmanager
    def hold(self, key: Hashable) -> Iterator[None]:
        """Holds a slot for the block. Raises Overloaded at once if none is free."""
        with self._lock:
            taken = self._taken.get(key, 0)
            if taken >= self._most:
                raise Overloaded
            self._taken[key] = taken + 1
        try:
            yield
        finally:
            with self._lock:
                taken = self._taken.pop(key) - 1
                if taken:
                    self._taken[key] = taken
