"""Waits of a thread for another one: without a connection of the pool.

A process has fewer connections than threads. If a thread waits for another one and keeps its
connection meanwhile, and that one needs a connection, the pool deadlocks with itself. So every
wait that may need a connection goes through this module, which gives back the thread's own.

An open transaction cannot be interrupted, nor can a read from a replica that was chosen for what
it has replayed. No wait may begin there, and that is checked at every place where a thread may
wait, whether or not it has to: with `be_strict`, as in all tests, ConnectionHeld is raised;
otherwise it is logged. The transaction that Django's TestCase opens for a test does not count.

A lock that protects a few lines of memory, under which no statement runs and no other lock is
taken, is not waited for in this sense. tests/architecture/test_waits.py lists those locks.

Which connections a thread has, the database layer says (larder/db/postgresql/checked_out.py).
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event
from typing import Any, Protocol

logger = logging.getLogger(__name__)


class ConnectionHeld(Exception):
    """A thread may wait where its connection cannot be given back."""


class Connection(Protocol):
    """A connection of this thread to a database."""

    alias: str

    @property
    def is_in_use(self) -> bool:
        """Whether it cannot be given back: in a transaction, or a read that chose it."""

    @property
    def is_of_a_test(self) -> bool:
        """Whether it is in use by the transaction of a test alone."""

    def close(self) -> None:
        """Give it back to its pool."""


def _none(but: str) -> Sequence[Connection]:
    return ()


_strict: list[bool] = [False]
_checked_out: list[Callable[[str], Sequence[Connection]]] = [_none]


def watch(checked_out: Callable[[str], Sequence[Connection]]) -> None:
    """Sets what returns this thread's connections that other threads may need, except that to the
    database of the alias given."""
    _checked_out[0] = checked_out


class Acquirable(Protocol):
    """A lock or a semaphore of `threading`."""

    def acquire(self, blocking: bool = ..., timeout: Any = ...) -> bool:  # noqa: FBT001
        """Return whether it was acquired."""

    def release(self) -> None:
        """Let another thread acquire it."""


def be_strict(strict: bool) -> None:  # noqa: FBT001 - a setting
    """Sets whether a wait that breaks the rule raises ConnectionHeld in this process."""
    _strict[0] = strict


def acquire(lock: Acquirable, timeout: float | None = None) -> bool:
    """Returns whether the lock was acquired within so many seconds; None sets no limit."""
    check()
    if lock.acquire(blocking=False):
        return True
    begin()
    return lock.acquire() if timeout is None else lock.acquire(timeout=timeout)


@contextmanager
def holding(lock: Acquirable, timeout: float | None = None) -> Iterator[bool]:
    """Holds the lock for the block if it was acquired, and gives the block whether it was."""
    acquired = acquire(lock, timeout)
    try:
        yield acquired
    finally:
        if acquired:
            lock.release()


def wait(event: Event, seconds: float) -> bool:
    """Returns whether the event was set within so many seconds."""
    begin()
    return event.wait(seconds)


def begin(*, but: str = "") -> None:
    """Gives the thread's connections back before a wait; that to the database `but` is kept."""
    for one in _checked_out[0](but):
        if one.is_in_use:
            _report_unless_of_a_test(one)
        else:
            one.close()


def check() -> None:
    """Raises ConnectionHeld, in a strict process, if the thread must not wait now."""
    if _strict[0]:
        for one in _checked_out[0](""):
            if one.is_in_use:
                _report_unless_of_a_test(one)


def release() -> None:
    """Gives the thread's connections back, except those in a transaction or a chosen read."""
    for one in _checked_out[0](""):
        if not one.is_in_use:
            one.close()


def _report_unless_of_a_test(one: Connection) -> None:
    if one.is_of_a_test:
        return
    if _strict[0]:
        raise ConnectionHeld(f"A thread may wait here while it keeps a connection to {one.alias}.")
    logger.error("A thread waits while it keeps a connection to %s.", one.alias, stack_info=True)
