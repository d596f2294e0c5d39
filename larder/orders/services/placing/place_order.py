"""Places one order, for all APIs. Orders that arrive at the same time are placed in one batch."""

from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import datetime

from larder.core import telemetry
from larder.core.batch_queue import BatchQueue, Limits
from larder.core.errors import DomainError
from larder.core.per_key import SlotsPerKey
from larder.db.postgresql.errors import CommitUnknown
from larder.db.postgresql.pool import prioritized
from larder.identity.services import quotas
from larder.inventory.services import locks
from larder.orders.services import refusals
from larder.orders.services.placing import retries
from larder.orders.services.placing.contended import BATCH_LOCK, Contended
from larder.orders.services.placing.placement import Placed, Placement, Terms, candidate
from larder.orders.services.placing.retries import QueuedOrder

LIMITS = Limits(
    max_batch_size=128,
    max_batch_lines=2_000,
    queue_capacity=256,
    queue_timeout=5.0,
    fail_fast_after=1.0,
)

LINES_OF_A_CART = 100
"""The number of lines that a cart counts as: its lines are known only under its lock."""

MOST_LINES_OF_AN_ACCOUNT = 2_000
"""Lines of the orders of one account, also of those that staff place for customers, that are placed
or wait in a process at a time, as many as one batch has. With more, it could fill each batch."""


def place_order(placement: Placement, *, terms: Terms, now: datetime) -> Placed:
    """Places one order, completely or not at all, in one transaction with the others of its batch.
    Reports the remaining units of the customer's quota (larder/identity/services/quotas.py), and
    counts the order if it is refused (refusals.py): all APIs and the admin place orders here.

    Raises the refusals that `place_candidates` returns, and Overloaded, without any effect.
    """
    try:
        placed = _place_one(placement, terms, now)
    except DomainError as refusal:
        refusals.note(refusal, now=now)
        raise
    quotas.note(placed.remaining)
    return placed


def _place_one(placement: Placement, terms: Terms, now: datetime) -> Placed:
    lines = LINES_OF_A_CART if placement.is_draft else len(placement.lines)
    with _accounts.hold(placement.actor, lines), _large_order_lock(placement), prioritized():
        order = QueuedOrder(placement, candidate(placement), terms, now)
        if not retries.is_contended(order):
            with suppress(Contended):
                return _queue(terms).submit(order, lines=lines)
        return retries.place_contended(order)


_accounts = SlotsPerKey(MOST_LINES_OF_AN_ACCOUNT)


def _large_order_lock(placement: Placement) -> AbstractContextManager[None]:
    """Returns a context that places one large order of an account at a time. Otherwise such orders,
    in the batches of several processes, would keep the rows of their products locked, and fill the
    contended lanes. Carts count as small: a customer has one."""
    is_large = len(placement.lines) >= locks.LARGE_MOVE
    return locks.one_large(placement.actor) if is_large else nullcontext()


_queues: dict[Terms, BatchQueue[QueuedOrder, Placed]] = {}


def _queue(terms: Terms) -> BatchQueue[QueuedOrder, Placed]:
    """Returns the queue of this process. All orders of an installation have the same terms."""
    found = _queues.get(terms)
    if found is not None:
        return found
    made: BatchQueue[QueuedOrder, Placed] = BatchQueue(
        retries.place_batch,
        LIMITS,
        telemetry.placing,
        lock=BATCH_LOCK,
        unknown=_thread_ended,
    )
    # If two threads make a queue, both use the first one.
    return _queues.setdefault(terms, made)


def _thread_ended() -> CommitUnknown:
    return CommitUnknown("a thread was ended")
