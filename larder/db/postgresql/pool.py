"""The order in which a pool hands out connections, and the order in which threads get them.

The pool hands out the connection first that was given back last. psycopg's pool rotates them, so
that all are used equally. But each connection is a process of PostgreSQL with its own plans and
caches, one or two megabytes. A process that ran a moment ago still has them in the processor's
caches; the third of three does not. Connections that are not needed stay idle until the pool closes
them.

A thread inside `prioritized` gets a connection before all other waiting threads. Of several, the
newest is first. Otherwise a few clients with slow requests hold all connections, and orders wait.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from psycopg_pool import ConnectionPool


def put_last_first(pool: ConnectionPool[Any]) -> None:
    """Makes the connection that was given back last the next one. Called before one is taken. If
    another thread takes it first, no harm is done.

    Assumes psycopg_pool 3.3: its deque of free connections grows on the right, and connections are
    handed out and closed on the left. So the order of the others stays.
    """
    with pool._lock:
        pool._pool.rotate(1)


_is_prioritized: ContextVar[bool] = ContextVar("is_prioritized", default=False)


@contextmanager
def prioritized() -> Iterator[None]:
    """Gives this thread a connection before threads outside of such a block."""
    before = _is_prioritized.set(True)
    try:
        yield
    finally:
        _is_prioritized.reset(before)


def is_prioritized() -> bool:
    """Returns whether this thread is inside `prioritized`."""
    return _is_prioritized.get()


class _Waiting(deque[Any]):
    def append(self, client: Any) -> None:
        if is_prioritized():
            self.appendleft(client)
        else:
            super().append(client)


def honour_priorities(pool: ConnectionPool[Any]) -> None:
    """Makes the pool's queue of waiting threads honour `prioritized`. Called before a thread may
    wait. Assumes psycopg_pool 3.3, which appends to a deque."""
    if not isinstance(pool._waiting, _Waiting):
        with pool._lock:
            pool._waiting = _Waiting(pool._waiting)
