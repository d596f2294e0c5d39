"""Waits for stock rows that another transaction keeps locked, with few connections.

Each function opens its own transactions and must be called outside one.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from uuid import UUID

from django.db import Error, transaction

from larder.core import commits
from larder.core.ids import SYSTEM_ACTOR
from larder.core.per_key import Limit, RunningPerKey, Waiting, limited
from larder.core.shares import held_by
from larder.core.stopwatch import Stopwatch
from larder.db import database
from larder.db.leases import lease
from larder.inventory import sql
from larder.inventory.services import movements

EACH_WAIT = 0.2
"""Seconds after which a locked row counts as contended. A batch of another process holds it for
less time, even if that batch waits for a lock itself."""

ALL_WAITS = 0.3
"""Seconds for all rows together. Rows that are still locked then count as contended too."""

SHORTEST = 0.001
"""Minimum of a lock timeout in seconds: for PostgreSQL 0 means no limit."""

LARGE_MOVE = 100
"""Lines from which a change counts as large: it takes as long as many small ones."""

MOVING_WAIT = 1.0
"""Seconds that a transaction that moves stock outside of a batch waits for a lock."""


@dataclass(frozen=True, slots=True)
class _Limits:
    """Limits of concurrent transactions of a process that move stock outside of a batch: two of
    customers, one of them large, and two of staff, likewise. Orders of contended products wait with
    three more of the process's eight connections. The last one is for all other requests.

    Large ones of staff have a `lease` too (larder/db/leases.py). Otherwise those of several
    processes would follow one another, and leave no time to orders of their products."""

    small_wait: Sequence[Waiting]
    large_wait: Sequence[Waiting]
    lease: UUID | None = None
    all: Limit = field(default_factory=lambda: Limit(2))
    large: Limit = field(default_factory=lambda: Limit(1))


_of_customers = _Limits(["all"], ["large"])
_of_staff = _Limits(["staff", "all"], ["staff"], lease=UUID(int=1))
_large = RunningPerKey()

OTHERS_PAUSE = 0.5
"""The pause after a large move of staff for those of other accounts, as a part of its duration. It
is shorter than that of the same account, so they are next."""


@contextmanager
def one_large(account: UUID, *waiting: Waiting) -> Iterator[None]:
    """Runs one large change of stock of an account at a time, in all servers, and then none for as
    long as it ran, at most 2.5 s (larder/db/leases.py: LONGEST_PAUSE). Otherwise one account could
    keep rows locked all the time. Threads of this process wait in places of the classes `waiting`.

    Raises Overloaded.
    """
    with held_by(account), _large.running(account, *waiting), lease(account):
        yield


@contextmanager
def moving_stock(*, by_staff: bool, account: UUID = SYSTEM_ACTOR, lines: int = 1) -> Iterator[None]:
    """Runs the block in a transaction that may lock the stock of `lines` lines.

    Few such transactions run at once in a process. So other requests find free connections while a
    row stays locked. Customers do not delay staff, large changes do not delay small ones, and those
    of one `account` do not delay those of another for long.

    Raises Overloaded; OperationalError (SQLSTATE 55P03) after MOVING_WAIT for a lock.
    """
    of, is_large = _of_staff if by_staff else _of_customers, lines >= LARGE_MOVE
    waiting = of.large_wait if is_large else of.small_wait
    # A large change takes one of the places of all changes too, after it has waited for its leases.
    with (
        one_large(account, *waiting) if is_large else nullcontext(),
        limited(of.large, *waiting) if is_large else nullcontext(),
        lease(of.lease, OTHERS_PAUSE) if is_large and of.lease else nullcontext(),
        limited(of.all, *waiting),
        transaction.atomic(durable=True),
    ):
        database.limit_lock_wait(MOVING_WAIT)
        yield


def wait_until_free(product: int, seconds: float) -> None:
    """Waits until the product's row can be locked, and locks it only for a moment. Raises
    OperationalError (SQLSTATE 55P03) after `seconds`.

    The transaction writes nothing, so its commit does not count (core/commits.py).
    """
    before = commits.count()
    with transaction.atomic(durable=True):
        database.limit_lock_wait(max(seconds, SHORTEST))
        movements.lock_only([product])
    commits.restart(before)


def find_locked(products: Collection[int]) -> list[int]:
    """Returns, in ascending order, the products whose rows another transaction has locked now."""
    if not products:
        return []
    ids = list(products)
    return sorted(product for (product,) in database.rows(sql.LOCKED, [ids, ids]))


def find_contended(products: Collection[int]) -> list[int]:
    """Returns the products whose rows another transaction keeps locked for longer than a batch
    does. Takes at most ALL_WAITS, and about a millisecond if no row is locked."""
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
