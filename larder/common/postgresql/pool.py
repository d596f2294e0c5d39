"""The order in which a pool hands out connections, and to which threads.

Of the connections that are free, the one that was given back last is handed out first.
psycopg's pool hands them out in turn, so that all of them are a little used. But each is a process
of PostgreSQL's with plans and caches of its own, a megabyte or two: one that ran a moment ago finds
them where it left them, in the processor's caches, and the third of three does not (ADR 21). And
what is not needed is left alone until the pool closes it.

Of the threads that wait, those `in_front` get one before all others: a few clients whose requests
take long could keep all connections, and orders would wait behind the requests of each.
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


_is_in_front: ContextVar[bool] = ContextVar("is_in_front", default=False)


@contextmanager
def in_front() -> Iterator[None]:
    """Lets this thread wait before those that are not in front, within the block."""
    before = _is_in_front.set(True)
    try:
        yield
    finally:
        _is_in_front.reset(before)


def is_in_front() -> bool:
    """Returns whether this thread waits before others."""
    return _is_in_front.get()


class _Waiting(deque[Any]):
    def append(self, client: Any) -> None:
        if is_in_front():
            self.appendleft(client)
        else:
            super().append(client)


def put_in_order(pool: ConnectionPool[Any]) -> None:
    """To be called before a thread may wait. psycopg's pool (3.3) appends who waits to a deque."""
    if not isinstance(pool._waiting, _Waiting):
        with pool._lock:
            pool._waiting = _Waiting(pool._waiting)
