"""Finds out whether a transaction was committed if the answer to its COMMIT was lost.

The transaction may still run after its connection is lost: the COMMIT may be on its way, or wait
for a standby. It keeps its locks on stock rows until it ends. So "not found" is certain only after
another connection has locked one of these rows. Then, and after a restart or a promotion, looking
for the event of one order is enough: all orders of the batch are committed together. A server that
accepts no writes grants no lock, so nothing is certain there.
"""

from collections.abc import Sequence
from threading import Event
from uuid import UUID

from django.db import Error, OperationalError, transaction

from larder.core import commits, waits
from larder.core.stopwatch import Stopwatch
from larder.db import database
from larder.db.postgresql.bounded import answers_within
from larder.db.postgresql.errors import CommitUnknown
from larder.inventory.services import movements as inventory
from larder.orders import queries
from larder.orders.services.placement import Candidate

FIND_WITHIN = 2.5
"""Seconds, including the wait for a connection, so that a client gets its answer within three
seconds if the database does not answer."""

TRY_EVERY = 0.1
"""Seconds between two attempts."""


def resolve_commit(batch: Sequence[Candidate], lost: CommitUnknown) -> Exception | None:
    """Returns None if the batch's transaction was committed, an OperationalError if it was not,
    and `lost` if neither is certain in time."""
    written = [one for one in batch if one.written is not None]
    committed = _was_committed(written[0]) if written else False
    if committed is None:
        return lost
    commits.add(committed)
    return None if committed else OperationalError("the transaction was not committed")


def answer_unknown(batch: Sequence[Candidate], lost: CommitUnknown) -> None:
    """Answers each order of a batch of which it is not known whether it was committed. A refused
    order had nothing to commit, so it can be repeated."""
    for one in batch:
        if one.written is None:
            one.answer = OperationalError(*lost.args)
        else:
            one.answer = CommitUnknown(*lost.args)
            one.answer.is_repeatable = _is_repeatable(one)


def _is_repeatable(one: Candidate) -> bool:
    """Returns whether a repeat would be recognised: by its id or key, or by the cart that it
    names."""
    placement = one.placement
    names_cart = placement.draft is not None or (
        placement.cart is not None and placement.cart.version is not None
    )
    return placement.order_id is not None or placement.key is not None or names_cart


def _was_committed(one: Candidate) -> bool | None:
    """Returns whether the order was committed; None if it cannot be found out within
    FIND_WITHIN."""
    product, searching = one.lines[0].offer.id, Stopwatch()
    while (left := FIND_WITHIN - searching.seconds) > 0:
        try:
            return _look(product, one.event, left)
        except Error:
            waits.wait(Event(), min(TRY_EVERY, left))
    return None


def _look(product: int, event: UUID, seconds: float) -> bool:
    """Locks the stock row, and returns whether the event exists. Uses another connection than the
    lost one, which is closed. Commits nothing. Raises Error."""
    with answers_within(seconds), transaction.atomic(durable=True):
        database.limit_lock_wait(seconds)
        inventory.lock_only([product])
        found = bool(queries.orders_of([event]))
        transaction.set_rollback(True)
        return found
