"""Confirms orders that await their payment. Confirmations that arrive at the same time are made in
one transaction.

Whether the hold of an order has expired does not matter, if its units are there (confirm_held.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from uuid import UUID

from django.db import Error, transaction

from larder.core import telemetry
from larder.core.batch_queue import BatchQueue, Limits
from larder.core.errors import DomainError, KeyReused, NotFound
from larder.db import database, idempotency
from larder.db.postgresql.errors import CommitUnknown
from larder.identity.caller import Caller
from larder.identity.queries import submit_renewed
from larder.identity.services import audit
from larder.identity.services.audit import Acting
from larder.inventory.services import movements as inventory
from larder.inventory.services.locks import moving_stock
from larder.orders.errors import HoldExpired
from larder.orders.lifecycle import PERMISSIONS, PLACED, Move
from larder.orders.models import Order
from larder.orders.queries import LineView, OrderView, view_of
from larder.orders.services.confirm_held import confirm_held, confirmation_of
from larder.orders.services.locks import LockBroken, order_name
from larder.orders.services.placing.contended import BATCH_LOCK, Contended
from larder.orders.services.transitions import (
    Locked,
    Rules,
    TransitionRequest,
    judge_request,
    lines_of,
    lock_with_lines,
    locked_order,
)

PERMISSION = PERMISSIONS[Move.CONFIRM]
_RULES = Rules(Move.CONFIRM)

LIMITS = Limits(max_batch_size=64, max_batch_lines=2_000, queue_capacity=256)

LINES_OF_AN_ORDER = 30
"""The number of lines that a confirmation counts as in the queue: they are known only under the
order's lock. A batch with more lines than LIMITS allows leaves orders out."""

LOCK_WAIT = 0.1
"""Seconds for which a batch waits for the lock of a stock row, as a batch of orders does."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The current order, whether this request repeats an earlier one with its key, and whether it
    has confirmed the order itself."""

    order: OrderView
    replayed: bool
    made: bool


@dataclass(slots=True)
class _Confirmation:
    """A request in a batch. `order` is the locked row, `lines` are its lines. It `is_begun` if the
    order has yet to be confirmed; then it is confirmed, unless there is a refusal."""

    request: TransitionRequest
    acting: Acting | None
    order: Order | None = None
    lines: list[LineView] = field(default_factory=list)
    is_begun: bool = False
    replayed: bool = False
    refusal: Exception | None = None

    @property
    def id(self) -> UUID:
        """The id of the order."""
        return self.request.order

    @property
    def locked(self) -> Order:
        """The row of an order that is to be confirmed."""
        if self.order is None:
            raise LockBroken(self.id)
        return self.order

    @property
    def is_open(self) -> bool:
        """Whether the order is to be confirmed."""
        return self.is_begun and self.refusal is None

    def answer(self) -> Confirmed | Exception:
        """Returns the answer after the transaction."""
        if self.refusal is not None or self.order is None:
            return self.refusal or NotFound()
        return Confirmed(view_of(vars(self.order), self.lines), self.replayed, self.is_begun)


def confirm_order(request: TransitionRequest) -> Confirmed:
    """Confirms an order: it becomes placed. An order that was confirmed before stays as it is.

    The caller's rights are read under the locks; those in the request do not matter.

    Raises HoldExpired (units are gone), InvalidTransition (it was cancelled), NotFound,
    StaleVersion, KeyReused, SessionEnded, NotStaff, PermissionMissing, SecondFactorRequired,
    Overloaded.
    """
    confirmation = _Confirmation(request, audit.current())
    try:
        return _queue.submit(confirmation, lines=LINES_OF_AN_ORDER)
    except Contended:
        return _confirm_alone(_Confirmation(request, confirmation.acting))


def _confirm_alone(confirmation: _Confirmation) -> Confirmed:
    """Waits for the locks of one order. Other confirmations do not wait with it."""
    who, lines = confirmation.request.caller.public_id, lines_of(confirmation.request)
    with moving_stock(by_staff=True, account=who, lines=lines), database.pipeline():
        _confirm([confirmation], skip_locked=False)
    answer = confirmation.answer()
    if isinstance(answer, Exception):
        raise answer
    return answer


def _run(batch: Sequence[_Confirmation]) -> Sequence[Confirmed | Exception]:
    """Confirms a batch in one transaction. The answer is Contended for orders that another
    transaction has locked, for a second request for an order, and for orders beyond the limit of
    lines."""
    first = {one.id: one for one in reversed(batch)}
    span = telemetry.tracing.span("confirm orders", orders=len(first))
    try:
        with span, transaction.atomic(durable=True), database.pipeline():
            database.limit_lock_wait(LOCK_WAIT)
            _confirm([*first.values()], skip_locked=True)
    except Error as error:
        if not database.is_lock_timeout(error):
            raise
        return [Contended() for _ in batch]
    return [one.answer() if one is first[one.id] else Contended() for one in batch]


_queue: BatchQueue[_Confirmation, Confirmed] = BatchQueue(
    _run, LIMITS, lock=BATCH_LOCK, unknown=partial(CommitUnknown, "a thread was ended")
)


def _confirm(batch: Sequence[_Confirmation], *, skip_locked: bool) -> None:
    """Claims the keys, locks the orders, and confirms them or sets their refusals: Contended for
    those that are left out, with `skip_locked`."""

    def make(pending: Sequence[int]) -> list[UUID | str]:
        _lock_orders(batch, skip_locked=skip_locked)
        for at in pending:
            if batch[at].refusal is None:
                _begin(batch[at])
        _confirm_begun(batch)
        return [batch[at].id if batch[at].is_open else idempotency.NOTHING_DONE for at in pending]

    claims = [one.request.claim for one in batch]
    outcomes = idempotency.once_each(claims, make, now=max(one.request.now for one in batch))
    for confirmation, outcome in zip(batch, outcomes, strict=True):
        confirmation.replayed = outcome.replayed
        if not outcome.is_same:
            confirmation.refusal = confirmation.refusal or KeyReused()


def _lock_orders(batch: Sequence[_Confirmation], *, skip_locked: bool) -> None:
    """Locks the orders, or those that no other transaction has locked, and reads their lines."""
    locked = lock_with_lines([one.id for one in batch], skip_locked=skip_locked)
    if skip_locked:
        locked = _within_limit(locked)
    for one in batch:
        one.order, one.lines = locked.get(one.id, (None, []))
        missing = Contended() if skip_locked else NotFound()
        one.refusal = missing if one.order is None else None


def _within_limit(locked: Locked) -> Locked:
    """Returns the first of these orders that have `max_batch_lines` together; at least one."""
    together = accumulate(len(lines) for _, lines in locked.values())
    return {
        id: found
        for (id, found), lines in zip(locked.items(), together, strict=True)
        if lines <= max(LIMITS.max_batch_lines, len(found[1]))
    }


def _begin(confirmation: _Confirmation) -> None:
    """Sets whether the order has yet to be confirmed, or the refusal."""
    order, request = locked_order(confirmation.locked, confirmation.lines), confirmation.request
    try:
        # The permission is read under the locks of the stock.
        confirmation.is_begun = judge_request(order, request, _RULES, by_staff=True)
    except DomainError as refusal:
        confirmation.refusal = refusal


def _confirm_begun(batch: Sequence[_Confirmation]) -> None:
    """Locks stock, refuses callers without the right, and confirms the orders that get the units
    that they lack."""
    begun = [one for one in batch if one.is_open]
    products = {line.product for one in begun for line in one.lines}
    locking = inventory.submit_lock_of_held(products, [one.id for one in begun]) if begun else None
    refuse = _submit_former_staff(batch)
    balances, held = locking() if locking else ({}, {})
    refuse()
    batch = [one for one in begun if one.is_open]
    changes = [confirmation_of(one.locked, one.request.caller.public_id) for one in batch]
    lines = [{line.product: line.quantity for line in one.lines} for one in batch]
    if not batch:
        return
    # Before the rows change: the entries have the former status.
    entries = [_entry(one) for one in batch]
    now = max(one.request.now for one in batch)
    for confirmation, short in zip(
        batch, confirm_held(changes, lines, balances, held, now=now), strict=True
    ):
        confirmation.refusal = HoldExpired(short) if short else None
    made = zip(batch, entries, strict=True)
    _record([(one.acting, entry) for one, entry in made if one.is_open])


def _submit_former_staff(batch: Sequence[_Confirmation]) -> Callable[[], None]:
    """Submits statements that read each caller: while the locks were waited for, the session or key
    may have ended, or the permission may have been taken away. Returns a function that refuses the
    requests of callers without the permission, also those that were refused for another reason."""
    reading = {caller: submit_renewed(caller) for caller in {one.request.caller for one in batch}}

    def refuse() -> None:
        refusals = {caller: _refusal_of(present) for caller, present in reading.items()}
        for confirmation in batch:
            confirmation.refusal = refusals[confirmation.request.caller] or confirmation.refusal

    return refuse


def _refusal_of(present: Callable[[], Caller]) -> DomainError | None:
    try:
        present().require(PERMISSION)
    except DomainError as refusal:
        return refusal
    return None


def _record(entries: Sequence[tuple[Acting | None, audit.Entry]]) -> None:
    """Records in the audit trail what members of staff did."""
    for acting in {acting for acting, _ in entries if acting is not None}:
        audit.record_all([entry for by, entry in entries if by == acting], by=acting)


def _entry(confirmation: _Confirmation) -> audit.Entry:
    return audit.Entry(
        order_name(confirmation.id),
        Move.CONFIRM,
        {"status": confirmation.locked.status},
        {"status": PLACED},
    )
