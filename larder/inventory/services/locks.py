"""Transactions that move stock outside of a batch of orders."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from larder.core.per_key import Turns
from larder.db import database

MOVING_WAIT = 1.0
"""Seconds that a transaction that moves stock outside of a batch waits for a lock."""


_of_customers, _of_staff = Turns(2, 8), Turns(2, 16)
"""Transactions of a process that move stock outside of a batch: two of customers, and two of staff.
Those that wait leave threads to other requests. Orders of stock that stays locked wait with three
more of the process's eight connections. The last one is for all other requests."""


@contextmanager
def moving_stock(*, by_staff: bool) -> Iterator[None]:
    """Runs the block in a transaction that may lock stock, and in a pipeline.

    Few such transactions run at once in a process. So other requests find free connections while a
    row stays locked. Customers do not delay staff.

    Raises Overloaded; OperationalError (SQLSTATE 55P03) after MOVING_WAIT for a lock.
    """
    turns = _of_staff if by_staff else _of_customers
    with turns.turn(), transaction.atomic(durable=True), database.pipeline():
        database.limit_lock_wait(MOVING_WAIT)
        yield
