"""Large answers of the earlier contracts: one at a time in a process.

The lists of these contracts end by their number of rows or of parts (pages.py), and an order has up
to 1,000 lines. A list or a page with more rows than a page of v1 takes memory and processor time
that other clients need, so a process makes and renders only one of them at a time. Each account has
one place, in which its answer is made or waits: so one account cannot keep others out.
"""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock

from larder.core import waits
from larder.core.errors import Overloaded
from larder.core.per_key import SlotsPerKey

LONGEST_WAIT = 2.0
"""Seconds that a request waits for the current large answer."""

MOST_WAITING = 8
"""Requests of a process that wait at once, of as many accounts: each occupies a thread of the
server, of which there are 32 by default."""

_large = Lock()
_waiting = BoundedSemaphore(MOST_WAITING)
_accounts = SlotsPerKey(1)


@contextmanager
def one_at_a_time(account: Hashable) -> Iterator[None]:
    """Allows only one block at a time to make a large answer. Raises Overloaded: at once if a large
    answer of the account is made or waits, or if all waiting places are taken."""
    with _accounts.hold(account), _alone():
        yield


@contextmanager
def _alone() -> Iterator[None]:
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
