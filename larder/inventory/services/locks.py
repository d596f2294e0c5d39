"""Transactions that move stock outside of a batch of orders."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction

from larder.core.ids import SYSTEM_ACTOR
from larder.core.per_key import Limit, Waiting, limited
from larder.core.shares import held_by
from larder.db import database

LARGE_MOVE = 100
"""Lines from which a change counts as large: it takes as long as many small ones."""

MOVING_WAIT = 1.0
"""Seconds that a transaction that moves stock outside of a batch waits for a lock."""


@dataclass(frozen=True, slots=True)
class _Limits:
    """Limits of concurrent transactions of a process that move stock outside of a batch: two of
    customers, one of them large, and two of staff, likewise. Orders of stock that stays locked wait
    with three more of the process's eight connections. The last one is for all other requests."""

    small_wait: Sequence[Waiting]
    large_wait: Sequence[Waiting]
    all: Limit = field(default_factory=lambda: Limit(2))
    large: Limit = field(default_factory=lambda: Limit(1))


_of_customers = _Limits(["all"], ["large"])
_of_staff = _Limits(["staff", "all"], ["staff"])


@contextmanager
def moving_stock(*, by_staff: bool, account: UUID = SYSTEM_ACTOR, lines: int = 1) -> Iterator[None]:
    """Runs the block in a transaction that may lock the stock of `lines` lines.

    Few such transactions run at once in a process. So other requests find free connections while a
    row stays locked. Customers do not delay staff, and large changes do not delay small ones. The
    changes of an `account` wait in its share of the places.

    Raises Overloaded; OperationalError (SQLSTATE 55P03) after MOVING_WAIT for a lock.
    """
    of, is_large = _of_staff if by_staff else _of_customers, lines >= LARGE_MOVE
    waiting = of.large_wait if is_large else of.small_wait
    # A large change takes one of the places of all changes too.
    with (
        held_by(account) if is_large else nullcontext(),
        limited(of.large, *waiting) if is_large else nullcontext(),
        limited(of.all, *waiting),
        transaction.atomic(durable=True),
    ):
        database.limit_lock_wait(MOVING_WAIT)
        yield
