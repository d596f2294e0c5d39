"""Large answers of the earlier contracts: one at a time in a process.

The lists of these contracts end by their number of rows or of parts (pages.py), and an order has up
to 1,000 lines. A list that is longer than what is read at once takes memory and processor time that
other clients need, so a process makes and renders only one of them at a time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock

from larder.core import waits
from larder.core.errors import Overloaded

LONGEST_WAIT = 2.0
"""Seconds that a request waits for the current large answer."""

MOST_WAITING = 2
"""Requests of a process that wait at once: each occupies a thread of the server."""

_large = Lock()
_waiting = BoundedSemaphore(MOST_WAITING)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Allows only one block at a time to make a large answer. Raises Overloaded."""
    if not _waiting.acquire(blocking=False):
        raise Overloaded(LONGEST_WAIT)
    try:
        acquired = waits.acquire(_large, LONGEST_WAIT)
    finally:
        _waiting.release()
    if not acquired:
        raise Overloaded(LONGEST_WAIT)
    try:
        yield
    finally:
        _large.release()
