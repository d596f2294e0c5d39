"""Lets a thread wait for another thread without holding a connection of the pool.

A process has fewer connections than threads. If a thread holds a connection while it waits for a
thread that needs one, the process can deadlock. So such waits go through this module, which gives
the thread's connections back first. A lock that only protects a few lines of code in memory needs
none of this. No thread waits in a transaction: its connection cannot be given back.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any, Protocol

from larder.core import seams

_give_back: list[Callable[[str], object]] = []


def use(give_back: Callable[[str], object]) -> None:
    """Sets the function that gives the connections of this thread back, except the one of an
    alias."""
    _give_back[:] = [give_back]


class Acquirable(Protocol):
    """A lock or a semaphore of `threading`."""

    def acquire(self, blocking: bool = ..., timeout: Any = ...) -> bool:  # noqa: FBT001
        """Returns whether it was acquired."""

    def release(self) -> None:
        """Lets another thread acquire it."""


def acquire(lock: Acquirable, timeout: float) -> bool:
    """Returns whether the lock was acquired within `timeout` seconds."""
    if lock.acquire(blocking=False):
        return True
    release()
    seams.reached(seams.WAIT, lock)
    return lock.acquire(timeout=timeout)


@contextmanager
def holding(lock: Acquirable, timeout: float) -> Iterator[bool]:
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


def release(*, but: str = "") -> None:
    """Gives the thread's connections back, except the one to the database `but`, and those that
    are in use."""
    for give_back in _give_back:
        give_back(but)
