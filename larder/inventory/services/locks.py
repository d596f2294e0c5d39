"""Transactions that move stock outside of a batch of orders."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from django.db import transaction

from larder.core.per_key import Turns
from larder.db import database

LARGE_MOVE = 100
"""Lines from which a change counts as large: it takes as long as many small ones."""

MOVING_WAIT = 1.0
"""Seconds that a transaction that moves stock outside of a batch waits for a lock."""


_of_customers, _of_staff = Turns(2, 8), Turns(2, 16)
"""Transactions of a process that move stock outside of a batch: two of customers, and two of staff.
Those that wait leave threads to other requests. Orders of stock that stays locked wait with three
more of the process's eight connections. The last one is for all other requests."""

_large = {False: Turns(1, 2), True: Turns(1, 4)}
"""Of these, one of customers and one of staff is large."""


@contextmanager
def moving_stock(*, by_staff: bool, lines: int = 1) -> Iterator[None]:
    """Runs the block in a transaction that may lock the stock of `lines` lines, and in a pipeline.

    Few such transactions run at once in a process. So other requests find free connections while a
    row stays locked. Customers do not delay staff, and large changes do not delay small ones.

    Raises Overloaded; OperationalError (SQLSTATE 55P03) after MOVING_WAIT for a lock.
    """
    turns = _of_staff if by_staff else _of_customers
    large = _large[by_staff].turn() if lines >= LARGE_MOVE else nullcontext()
    with large, turns.turn(), transaction.atomic(durable=True), database.pipeline():
        database.limit_lock_wait(MOVING_WAIT)
        yield
