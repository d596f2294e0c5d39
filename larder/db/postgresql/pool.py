"""The order in which a pool hands out connections, and to which threads.

Of the connections that are free, the one that was given back last is handed out first.
psycopg's pool hands them out in turn, so that all of them are a little used. But each is a process
of PostgreSQL's with plans and caches of its own, a megabyte or two: one that ran a moment ago finds
them where it left them, in the processor's caches, and the third of three does not (ADR 43). And
what is not needed is left alone until the pool closes it.

Threads inside `prioritized` get a connection before all other waiting threads, the newest of them
first. Otherwise a few clients with slow requests keep all connections, and orders wait for them.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from psycopg_pool import ConnectionPool


def put_last_first(pool: ConnectionPool[Any]) -> None:
    """To be called before one is taken. If somebody else is faster, they get it: no harm is done.

    psycopg's pool (3.3) appends what is given back to a deque, takes what it hands out from the
    left, and closes what was not needed from there too: so the others stay in their order.
    """
    with pool._lock:
        pool._pool.rotate(1)


_is_prioritized: ContextVar[bool] = ContextVar("is_prioritized", default=False)


@contextmanager
def prioritized() -> Iterator[None]:
    """Gives this thread a connection before threads outside of such a block, while it runs."""
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
