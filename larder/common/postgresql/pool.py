"""Of the connections that are free, the one that was given back last is handed out first.

psycopg's pool hands them out in turn, so that all of them are a little used. But each is a process
of PostgreSQL's with plans and caches of its own, a megabyte or two: one that ran a moment ago finds
them where it left them, in the processor's caches, and the third of three does not (ADR 21). And
what is not needed is left alone until the pool closes it.
"""

from typing import Any

from psycopg_pool import ConnectionPool


def put_last_first(pool: ConnectionPool[Any]) -> None:
    """To be called before one is taken. If somebody else is faster, they get it: no harm is done.

    psycopg's pool (3.3) appends what is given back to a deque, takes what it hands out from the
    left, and closes what was not needed from there too: so the others stay in their order.
    """
    with pool._lock:
        pool._pool.rotate(1)
