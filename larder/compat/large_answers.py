"""Large answers of the earlier contracts: one at a time in a process.

The lists of these contracts end by their number of rows or of parts (pages.py), and an order has up
to 1,000 lines. A list or a page with more rows than a page of v1 takes memory and processor time
that other clients need, so a process makes and renders only one of them at a time. Each account has
one place, in which its answer is made or waits: so one account cannot keep others out.
"""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from larder.core.per_key import SlotsPerKey, Turns

MOST_WAITING = 8
"""Requests of a process that wait at once, of as many accounts: each occupies a thread of the
server, of which there are 32 by default."""

_large = Turns(1, MOST_WAITING)
_accounts = SlotsPerKey(1)


@contextmanager
def one_at_a_time(account: Hashable) -> Iterator[None]:
    """Allows only one block at a time to make a large answer. Raises Overloaded: at once if a large
    answer of the account is made or waits, or if all waiting places are taken."""
    with _accounts.hold(account), _large.turn():
        yield
