"""The requests of an account: how many each process runs at once.

Requests that write need the same rows: the account's cart, orders, profile. A request that waits
for a row lock in PostgreSQL holds a connection, so the requests of one account could hold all
connections of a process. So they run one at a time, and wait here, without a connection. Answers to
requests that read can have thousands of lines, which take connections and processor time from other
accounts.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from larder.core.per_key import RunningPerKey
from larder.core.shares import held_by
from larder.http.positions import SAFE
from larder.identity.caller import Caller

MOST_READS = 6
"""Requests of an account that read and that a process runs at once. Browsers open as many
connections to a server."""

_writes = RunningPerKey()
_reads = RunningPerKey(MOST_READS)


@contextmanager
def running(who: Caller | None, method: str | None, *, is_limited: bool = True) -> Iterator[None]:
    """Waits for other writes, or reads, of the account. The block waits in the account's share of
    the places (larder/core/shares.py).

    Writes of staff are exempt: their programs send in parallel, and their requests are for many
    accounts. Their reads wait in the places of staff. Requests that are not limited are exempt too.
    Raises Overloaded.
    """
    if who is None:
        yield
        return
    with held_by(who.id), _others(who, method) if is_limited else nullcontext():
        yield


def _others(who: Caller, method: str | None) -> AbstractContextManager[None]:
    if who.is_staff:
        return _reads.running(who.id, "staff") if method in SAFE else nullcontext()
    return (_reads if method in SAFE else _writes).running(who.id)


def reading_if_free(who: Caller) -> AbstractContextManager[bool]:
    """Returns a context that counts as a read of the account if fewer than MOST_READS run. Entering
    it never waits, and returns whether it counts."""
    return _reads.if_free(who.id)
