"""Of the connections that are free, the one that was given back last is handed out first.

psycopg's pool hands them out in turn, so that all of them are a little used. But each is a process
of PostgreSQL's with plans and caches of its own, a megabyte or two: one that ran a moment ago finds
them where it left them, in the processor's caches, and the third of three does not. And what is not
needed is left alone until the pool closes it. SQLAlchemy calls it `pool_use_lifo`; psycopg's pool
has no option for it.
"""

from collections import deque
from typing import Any

from psycopg_pool import ConnectionPool


class _LastFirst(deque[Any]):
    """psycopg's pool (3.3) appends what is given back, and hands out from the left."""

    append = deque.appendleft


def hand_out_last_first(pool: ConnectionPool[Any]) -> None:
    """From now on. Costs 0.1 µs when it is so already."""
    if type(pool._pool) is not _LastFirst:
        with pool._lock:
            pool._pool = _LastFirst(pool._pool)
