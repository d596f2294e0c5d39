"""Leases: one block of a name runs at a time, in all processes and servers. After a block has
ended, the next one waits as long as that block ran, or a part of it, and at most LONGEST_PAUSE. A
block that runs longer than ENDS loses its lease.

A lease is a row of the unlogged table of rate limits: the time at which the next block may begin.
The clock is the database's. The wait for a lease keeps no connection.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event
from uuid import UUID

from django.db import Error

from larder.core import waits
from larder.core.errors import Overloaded
from larder.core.stopwatch import Stopwatch
from larder.db import database, sql

LONGEST_WAIT = 5.0
"""Seconds that a thread waits for a lease."""

LONGEST_PAUSE = LONGEST_WAIT / 2
"""Seconds of the longest pause after a block. It is shorter than the wait, so that a block which
comes in the pause is not refused because of it."""

STEP = 0.05
"""Seconds between two tries."""

ENDS = 35.0
"""Seconds after which a lease ends by itself: the process may have died. PostgreSQL 17 and later
ends the block's transaction before (larder/ops/roles.py: TRANSACTION_LIMIT)."""


@contextmanager
def lease(name: UUID, pause: float = 1.0) -> Iterator[None]:
    """Runs the block with the lease. `pause` is a part of the block's duration. Must be called
    outside of transactions. Raises Overloaded after LONGEST_WAIT."""
    waiting = Stopwatch()
    while not (taken := database.rows(sql.TAKE_LEASE, [name, ENDS])):
        if waiting.seconds > LONGEST_WAIT:
            raise Overloaded
        waits.wait(Event(), STEP)
    running = Stopwatch()
    try:
        yield
    finally:
        # The block may have committed, so an error here must not become the request's.
        with suppress(Error):
            ends_in = pause * min(running.seconds, LONGEST_PAUSE)
            database.execute(sql.END_LEASE, [ends_in, name, *taken[0]])
