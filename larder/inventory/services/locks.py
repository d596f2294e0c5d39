"""Waits for stock rows that another transaction keeps locked, with few connections.

Every function uses transactions of its own and is called outside one.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from threading import Semaphore

from django.db import Error, transaction

from larder.core import commits
from larder.core.per_key import limited
from larder.core.stopwatch import Stopwatch
from larder.db import database
from larder.inventory import sql
from larder.inventory.services import movements

EACH_WAIT = 0.2
"""Seconds after which a row counts as kept. A batch of another process has it for less, also one
that waits for a lock itself."""

ALL_WAITS = 0.3
"""Seconds for all rows together. The rest counts as kept if it is still locked then."""

SHORTEST = 0.001
"""Seconds; PostgreSQL takes 0 for no limit."""

LARGE_MOVE = 100
"""Lines from which a customer's move is large: it takes as long as many small ones."""

MOVING_WAIT = 1.0
"""Seconds that a transaction that moves stock outside of a batch waits for a lock."""

_of_customers, _large, _of_staff = Semaphore(2), Semaphore(1), Semaphore(2)
"""Transactions that move stock outside of a batch, in a process at once: of customers, of which one
is large, and of staff. Orders of contended products wait with three more of its eight connections;
the last one is for all other requests."""


@contextmanager
def moving_stock(*, by_staff: bool, lines: int = 1) -> Iterator[None]:
    """Runs the block in a transaction that may lock stock, of so many lines.

    Few run at once in a process: while a row stays locked, those that need it leave connections to
    other requests. Customers do not delay staff, and large moves do not delay small ones.

    Raises Overloaded; OperationalError (SQLSTATE 55P03) after MOVING_WAIT for a lock.
    """
    with _limits(by_staff=by_staff, lines=lines), transaction.atomic(durable=True):
        database.limit_lock_wait(MOVING_WAIT)
        yield


@contextmanager
def _limits(*, by_staff: bool, lines: int) -> Iterator[None]:
    if by_staff:
        with limited(_of_staff, "staff", "all"):
            yield
    elif lines < LARGE_MOVE:
        with limited(_of_customers):
            yield
    else:
        # The large one that runs also counts among those of customers.
        with limited(_large, "large"), limited(_of_customers, "large"):
            yield


def wait_until_free(product: int, seconds: float) -> None:
    """Returns as soon as the product's row can be locked, with no row locked. Raises
    OperationalError (SQLSTATE 55P03) after so many seconds.

    Its transaction writes nothing, so a failure after it is no failure after a commit.
    """
    before = commits.count()
    with transaction.atomic(durable=True):
        database.limit_lock_wait(max(seconds, SHORTEST))
        movements.lock([product])
    commits.restart(before)


def find_locked(products: Collection[int]) -> list[int]:
    """Returns, in ascending order, the products whose rows another transaction has locked now."""
    if not products:
        return []
    asked = list(products)
    return sorted(product for (product,) in database.rows(sql.LOCKED, [asked, asked]))


def find_kept(products: Collection[int]) -> list[int]:
    """Returns the products whose rows another transaction keeps locked for longer than a batch has
    them. Takes no longer than ALL_WAITS, and about a millisecond if no row is locked."""
    kept, unsure, waiting = [], find_locked(products), Stopwatch()
    while unsure and (left := ALL_WAITS - waiting.seconds) > 0:
        product = unsure.pop(0)
        if not _is_free_within(product, min(left, EACH_WAIT)):
            kept.append(product)
    return kept + find_locked(unsure)


def _is_free_within(product: int, seconds: float) -> bool:
    try:
        wait_until_free(product, seconds)
    except Error as error:
        if not database.is_lock_timeout(error):
            raise
        return False
    return True
