"""The requests that a process runs at once for an account, or for an address without one.

A request that waits for a row lock in PostgreSQL holds a connection, and an answer can have
thousands of lines, which take connections and processor time from other accounts. So a few accounts
cannot hold all connections and threads of a process: a request above the limit is refused.
"""

from contextlib import AbstractContextManager, nullcontext

from django.http import HttpRequest

from larder.core.per_key import SlotsPerKey
from larder.http.client_address import address_of
from larder.http.positions import SAFE
from larder.identity.caller import Caller

MOST_READS = 12
"""Requests of an account that read. Six at a time come from the event loop, where others wait
(larder/front/queues.py)."""

MOST_WRITES = 4
"""Requests of an account that write. They need the same rows: its cart, its orders. Two at a time
come from the event loop."""

MOST_OF_AN_ADDRESS = 16
"""Requests without an account. Many clients can have one address."""

_reads, _writes = SlotsPerKey(MOST_READS), SlotsPerKey(MOST_WRITES)
_strangers = SlotsPerKey(MOST_OF_AN_ADDRESS)


def running(who: Caller | None, request: HttpRequest) -> AbstractContextManager[None]:
    """Returns a context that counts the request.

    Writes of staff are exempt: their programs send in parallel, for many accounts. Raises
    Overloaded.
    """
    if who is None:
        return _strangers.hold(address_of(request))
    if request.method in SAFE:
        return reading(who)
    return nullcontext() if who.is_staff else _writes.hold(who.id)


def reading(who: Caller) -> AbstractContextManager[None]:
    """Returns a context that counts as a read of the account. Raises Overloaded."""
    return _reads.hold(who.id)
