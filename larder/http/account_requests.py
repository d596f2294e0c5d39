"""The requests of an account: how many each process runs at once.

Requests that write need the same rows: the account's cart, orders, profile. A request that waits
for a row lock in PostgreSQL holds a connection, so the requests of one account could hold all
connections of a process. So they run one at a time, and wait here, without a connection. Answers to
requests that read can have thousands of lines, which take connections and processor time from other
accounts.
"""

from contextlib import AbstractContextManager, nullcontext

from larder.core.per_key import RunningPerKey
from larder.http.read_your_writes import SAFE
from larder.identity.caller import Caller

MOST_READS = 6
"""Requests of an account that read and that a process runs at once. Browsers open as many
connections to a server."""

_writes = RunningPerKey()
_reads = RunningPerKey(MOST_READS)


def running(who: Caller | None, method: str | None) -> AbstractContextManager[None]:
    """Returns a context that waits for other writes, or reads, of the account.

    Writes of staff are exempt: their programs send in parallel, and their requests concern many
    accounts. Their reads wait in the places of staff. Entering it raises Overloaded.
    """
    if who is None:
        return nullcontext()
    if who.is_staff:
        return _reads.running(who.id, "staff") if method in SAFE else nullcontext()
    return (_reads if method in SAFE else _writes).running(who.id)


def reading_if_free(who: Caller) -> AbstractContextManager[bool]:
    """Returns a context that counts as a read of the account if fewer than MOST_READS run. Entering
    it never waits, and returns whether it counts."""
    return _reads.if_free(who.id)
