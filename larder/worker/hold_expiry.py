"""Expires holds twice a second, in a thread of the job worker.

A job cannot do that: each would be a row in the table of jobs. Several workers may run the thread:
each leaves out orders that another has locked.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from django.db import Error, connections

from larder.core import waits
from larder.core.clock import now
from larder.orders.services.expire_holds import expire_holds
from larder.worker.repeated_errors import RepeatedErrors

logger = logging.getLogger(__name__)

EVERY = 0.5
"""Seconds between two passes."""

BATCH = 200
"""Orders of one call of `expire_holds`."""

MOST_BATCHES = 100
"""Batches of one pass."""


def expire_due() -> int:
    """Expires what is due, in batches. Returns the number of orders."""
    total = 0
    for _ in range(MOST_BATCHES):
        expired = expire_holds(now=now(), limit=BATCH)
        total += expired
        if expired < BATCH:
            break
    return total


@contextmanager
def running() -> Iterator[None]:
    """Runs the thread during the block."""
    stop = Event()
    thread = Thread(target=_run, args=[stop], name="hold-expiry", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=EVERY * 4)


def _run(stop: Event) -> None:
    errors = RepeatedErrors(logger, "Holds could not be expired.", _DO)
    while not waits.wait(stop, EVERY):
        try:
            expire_due()
        except Error as error:
            errors.log(error)
        finally:
            connections.close_all()


_DO = "Units of expired holds can be ordered all the same. If this repeats, check the database."
