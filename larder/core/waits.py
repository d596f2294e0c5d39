"""Lets a thread wait for another thread without holding a connection of the pool.

A process has fewer connections than threads. If a thread holds a connection while it waits for a
thread that needs one, the process can deadlock. So such waits go through this module, which gives
the thread's connections back first. A lock that only protects a few lines of code in memory needs
none of this. No thread waits in a transaction: its connection cannot be given back.

Also limits what threads do at once, in total or for each key (an account).
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Event, Lock, Semaphore

from larder.core.errors import Overloaded

_give_back: list[Callable[[], object]] = []


def use(give_back: Callable[[], object]) -> None:
    """Sets the function that gives the connections of this thread back."""
    _give_back[:] = [give_back]


def acquire(lock: "Lock | Semaphore", timeout: float) -> bool:
    """Returns whether the lock was acquired within `timeout` seconds."""
    if lock.acquire(blocking=False):
        return True
    release()
    return lock.acquire(timeout=timeout)


@contextmanager
def holding(lock: "Lock | Semaphore", timeout: float) -> Iterator[bool]:
    """Holds the lock for the block if it can be acquired in time. Yields whether it was."""
    acquired = acquire(lock, timeout)
    try:
        yield acquired
    finally:
        if acquired:
            lock.release()


def wait(event: Event, seconds: float) -> bool:
    """Returns whether the event was set within `seconds`."""
    release()
    return event.wait(seconds)


def release() -> None:
    """Gives the thread's connections back, except those that are in use."""
    for give_back in _give_back:
        give_back()


LONGEST_WAIT = 5.0
"""Seconds that a thread waits for its turn, as long as for a row lock."""


class Turns:
    """Lets `most` threads run at once, and `waiting` others wait for them, without a connection."""

    def __init__(self, most: int, waiting: int) -> None:
        self._running = BoundedSemaphore(most)
        self._present = SlotsPerKey(most + waiting)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Runs the block when it is the thread's turn. Raises Overloaded: at once if too many wait,
        or after LONGEST_WAIT."""
        with self._present.hold(None), holding(self._running, LONGEST_WAIT) as is_free:
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
