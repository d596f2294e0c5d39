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
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Event
from typing import Any, Protocol

from django.db import DEFAULT_DB_ALIAS, connections

logger = logging.getLogger(__name__)

_strict: list[bool] = [False]


class ConnectionHeld(Exception):
    """A thread may wait where its connection cannot be given back."""


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
    for one in _checked_out(but):
        if _is_in_use(one):
            _report_unless_of_a_test(one)
        else:
            one.close()


def check() -> None:
    """Raises ConnectionHeld, in a strict process, if the thread must not wait now."""
    if _strict[0]:
        for one in _checked_out():
            if _is_in_use(one):
                _report_unless_of_a_test(one)


def release() -> None:
    """Gives the thread's connections back, except those in a transaction or a chosen read."""
    for one in _checked_out():
        if not _is_in_use(one):
            one.close()


def _checked_out(but: str = "") -> list[Any]:
    """This thread's connections that other threads may need."""
    found = [connections[alias] for alias in _shared() if alias != but]
    # To close a wrapper without a connection costs 4 µs.
    return [one for one in found if one.connection is not None]


@cache
def _shared() -> tuple[str, ...]:
    """The databases that requests use; commands alone connect as owner."""
    return tuple(one for one in connections if one == DEFAULT_DB_ALIAS or one.startswith("replica"))


def _is_in_use(one: Any) -> bool:
    return bool(one.in_atomic_block or one.is_read_from)


def _report_unless_of_a_test(one: Any) -> None:
    blocks = one.atomic_blocks
    if blocks and not one.is_read_from and all(block._from_testcase for block in blocks):
        return
    if _strict[0]:
        raise ConnectionHeld(f"A thread may wait here while it keeps a connection to {one.alias}.")
    logger.error("A thread waits while it keeps a connection to %s.", one.alias, stack_info=True)
