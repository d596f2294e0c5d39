"""Lets a thread wait for another thread without holding a connection of the pool.

A process has fewer connections than threads. If a thread holds a connection while it waits for a
thread that needs one, the process can deadlock. So every such wait goes through this module, which
gives the thread's connections back first.

Two uses of a connection cannot be interrupted: an open transaction, and a read from a replica that
was chosen for its position. A thread must not wait during these. This is checked wherever a thread
may wait, even if it does not have to. With `be_strict`, as in all tests, the check raises
ConnectionHeld; otherwise it logs an error. The transaction that Django's TestCase opens for a test
does not count.

A lock that only protects a few lines of code in memory, without a statement and without another
lock, needs none of this. tests/architecture/test_waits.py lists those locks.

The database layer says which connections a thread has (larder/db/postgresql/checked_out.py).
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event
from typing import Any, Protocol

from larder.core import seams

logger = logging.getLogger(__name__)


class ConnectionHeld(Exception):
    """A thread may have to wait while its connection cannot be given back."""


class Connection(Protocol):
    """A connection of this thread to a database."""

    alias: str

    @property
    def is_in_use(self) -> bool:
        """Whether it cannot be given back: it is in a transaction, or a read chose it."""

    @property
    def is_of_a_test(self) -> bool:
        """Whether only the transaction of a test uses it."""

    def close(self) -> None:
        """Gives it back to its pool."""


def _none(but: str) -> Sequence[Connection]:
    return ()


_strict: list[bool] = [False]
_checked_out: list[Callable[[str], Sequence[Connection]]] = [_none]


def watch(checked_out: Callable[[str], Sequence[Connection]]) -> None:
    """Sets the function that returns the connections of this thread to the shared databases,
    except the one of the alias that it gets."""
    _checked_out[0] = checked_out


class Acquirable(Protocol):
    """A lock or a semaphore of `threading`."""

    def acquire(self, blocking: bool = ..., timeout: Any = ...) -> bool:  # noqa: FBT001
        """Returns whether it was acquired."""

    def release(self) -> None:
        """Lets another thread acquire it."""


def be_strict(strict: bool) -> None:  # noqa: FBT001 - a setting
    """Sets whether a wait that violates the rule raises ConnectionHeld in this process."""
    _strict[0] = strict


def acquire(lock: Acquirable, timeout: float) -> bool:
    """Returns whether the lock was acquired within `timeout` seconds."""
    check()
    if lock.acquire(blocking=False):
        return True
    begin()
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
    begin()
    return event.wait(seconds)


def begin(*, but: str = "") -> None:
    """Gives the thread's connections back before a wait, except the one to the database `but`."""
    for one in _checked_out[0](but):
        if one.is_in_use:
            _report_unless_of_a_test(one)
        else:
            one.close()


def check() -> None:
    """Raises ConnectionHeld in a strict process if the thread must not wait now."""
    if _strict[0]:
        for one in _checked_out[0](""):
            if one.is_in_use:
                _report_unless_of_a_test(one)


def release() -> None:
    """Gives the thread's connections back, except those that cannot be given back now."""
    for one in _checked_out[0](""):
        if not one.is_in_use:
            one.close()


def _report_unless_of_a_test(one: Connection) -> None:
    if one.is_of_a_test:
        return
    if _strict[0]:
        raise ConnectionHeld(f"A thread may wait here while it keeps a connection to {one.alias}.")
    logger.error(
        "A thread waits while it keeps a connection to %s. Report this with the stack below.",
        one.alias,
        stack_info=True,
    )
