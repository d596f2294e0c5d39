"""The steps that every move of a placed order, and every change of its lines, is made of.

A use case (moves.py, changes.py, returns.py, confirm_order.py) takes them in one transaction, and
is read downwards: `moving` opens the transaction and claims the idempotency key, `lock` locks the
order, `begin` judges the request, and `write` locks the stock in product order and writes.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec.structs import replace as with_units

from larder.core.errors import DomainError, NotFound, PreconditionRequired
from larder.db import database, idempotency
from larder.db.idempotency import Claim
from larder.identity.caller import Caller
from larder.identity.queries import submit_renewed
from larder.identity.services import accounts, audit, quotas
from larder.inventory.services import movements as inventory
from larder.inventory.services.locks import moving_stock
from larder.inventory.services.movements import Balance, Movement
from larder.orders.decision import PricedLine
from larder.orders.lifecycle import (
    MADE_BEFORE,
    PERMISSIONS,
    REPEATABLE,
    SOLD,
    UNDONE,
    Move,
    Verdict,
    is_pending,
    judge,
)
from larder.orders.models import Order
from larder.orders.queries import LineView
from larder.orders.services.book_sales import book_sales
from larder.orders.services.locks import order_name, submit_lock
from larder.orders.services.write_changes import OrderChange, submit_changes
from larder.orders.sql import writes


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionRequest:
    """A caller's request to move or change an order.

    `version` is the version that the order must have; None accepts every version. `lines` is the
    number of lines in the request.
    """

    order: UUID
    caller: Caller
    now: datetime
    version: int | None = None
    claim: Claim | None = None
    lines: int = 0


@dataclass(frozen=True, slots=True)
class LockedOrder:
    """An order whose row is locked.

    `lines` are sorted by ascending id. `events` has the data of its last event of each type of
    `writes.LAST_EVENTS`.
    """

    row: Order
    lines: Sequence[LineView]
    events: Mapping[str, Mapping[str, Any]]

    @property
    def id(self) -> UUID:
        """The id of the order."""
        return self.row.id

    @property
    def status(self) -> str:
        """The status as it is stored."""
        return self.row.status

    @property
    def version(self) -> int:
        """The version under the lock."""
        return self.row.version

    @property
    def total(self) -> Decimal:
        """The exact sum of the lines."""
        return sum((line.quantity * line.unit_price for line in self.lines), Decimal(0))


@dataclass(frozen=True, slots=True)
class StockMove:
    """A change of a product's stock, and its cause. The event gives the other columns of the
    ledger entry."""

    product: int
    available: int
    committed: int
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """The changes that a use case makes to a locked order.

    `type` is the type of the event, `event_data` its `data`. `quantities` and `returned` are new
    values by line id; a quantity of 0 deletes the line. `ordered` has the former quantities of
    lines of which fewer units were picked; 0 removes that. `added` are new lines. `details` are new
    values of the order's columns. `balances` are the stock rows if the use case has locked them
    already.
    """

    type: str
    status: str
    event_data: Mapping[str, Any] = field(default_factory=dict)
    stock_moves: Sequence[StockMove] = ()
    quantities: Mapping[int, int] = field(default_factory=dict)
    ordered: Mapping[int, int] = field(default_factory=dict)
    returned: Mapping[int, int] = field(default_factory=dict)
    added: Sequence[PricedLine] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    balances: Mapping[int, Balance] | None = None


@contextmanager
def moving(request: TransitionRequest) -> Iterator[bool]:
    """Opens the transaction of a request and claims its key. Yields whether an earlier request with
    this key was made: then there is nothing to do.

    Raises KeyReused, Overloaded.
    """
    who = request.caller
    with (
        moving_stock(by_staff=who.is_staff, lines=request.lines),
        database.pipeline(),
    ):
        yield request.claim is not None and idempotency.is_repeat(request.claim, now=request.now)


def lock(request: TransitionRequest) -> LockedOrder:
    """Locks the order, and reads its lines and events under the lock. Raises NotFound."""
    locking = submit_lock([request.order])
    reading_lines = database.submit(writes.LINES_OF_LOCKED, [[request.order]])
    reading_events = database.submit(writes.LAST_EVENTS, [request.order])
    row = locking().get(request.order)
    if row is None:
        raise NotFound
    lines = [LineView(*line) for _, *line in reading_lines()]
    return LockedOrder(row, lines, {type: json.loads(data) for type, data in reading_events()})


def begin(
    order: LockedOrder,
    request: TransitionRequest,
    move: Move,
    *,
    conflict: DomainError | None = None,
    is_satisfied: bool = False,
) -> bool:
    """Returns whether the move has yet to be made; then the caller's account is active, and the
    move counts in the quota of a customer.

    It has not if it was made before, unless the request differs from that one (`conflict` is then
    the refusal), nor if the order already has the requested values (`is_satisfied`). The key of
    such a request is kept only if the move can be undone: any other stays made. After an undo, a
    request without a version and a key is refused.

    A request for values that the order already has succeeds even if `If-Match` names an earlier
    version: RFC 9110, section 13.1.1, allows it.

    Raises NotFound (an order of another customer), NotStaff, PermissionMissing,
    SecondFactorRequired, StaleVersion, PreconditionRequired, InvalidTransition, SessionEnded,
    QuotaExceeded (of customers), and `conflict`.
    """
    caller, may = request.caller, request.caller.may(PERMISSIONS[move])
    verdict = judge(order.status, move, by_staff=may, by_owner=caller.id == order.row.customer_id)
    is_hidden = verdict is Verdict.NOT_FOUND and caller.is_staff
    if verdict is Verdict.NOT_STAFF or is_hidden:
        caller.require(PERMISSIONS[move])
    has_values = verdict is not Verdict.NOT_FOUND and is_satisfied
    against = conflict if verdict in MADE_BEFORE else None
    if has_values or not is_pending(
        order, move, verdict, version=request.version, conflict=against
    ):
        if request.claim is not None and move not in REPEATABLE:
            idempotency.release([request.claim.scope])
        return False
    if request.version is None and request.claim is None and is_undone(order, move):
        raise PreconditionRequired
    accounts.require_active(caller)
    if not may:
        quotas.take("order_changes", caller.id, _units(order, request))
    return True


def is_undone(order: LockedOrder, move: Move) -> bool:
    """Returns whether the move, or the one that it undoes, was undone before."""
    return UNDONE.get(move) in order.events


def _units(order: LockedOrder, request: TransitionRequest) -> int:
    """Returns how many changes this one counts as: each line may write a row of the ledger."""
    return 1 + max(len(order.lines), request.lines) // LINES_OF_A_CHANGE


LINES_OF_A_CHANGE = 100
"""Lines from which on a change counts as one more."""


def write(
    order: LockedOrder, request: TransitionRequest, move: Move, transition: Transition
) -> None:
    """Writes the changes of a locked order, with its event and an entry of the audit trail. Locks
    the stock that moves, unless it is locked.

    Reads the caller's rights last, because the locks may have been waited for. Staff without the
    permission act for themselves, as customers do. Raises StockLimitExceeded, LockBroken,
    SessionEnded, NotStaff, PermissionMissing, SecondFactorRequired.
    """
    caller, lines = request.caller, _lines_after(order, transition)
    total = sum([line.line_total for line in lines], Decimal(0))
    back = sum([line.unit_price * line.returned for line in lines], Decimal(0))
    change = OrderChange(
        order=order.row,
        type=transition.type,
        status=transition.status,
        actor=caller.public_id,
        data=transition.event_data,
        total=total,
        units=sum(line.quantity for line in lines),
        kept=total - back,
        details=transition.details,
    )
    _move_stock(transition, change.event, request)
    _write_lines(order, transition)
    _book(order, transition, lines, request.now)
    _record(order, transition, move, total)
    renewing = submit_renewed(caller) if caller.is_staff else None
    submit_changes([change], now=request.now)()
    if renewing is not None:
        renewing().require(*caller.permissions & {PERMISSIONS[move]})


def _record(order: LockedOrder, transition: Transition, move: Move, total: Decimal) -> None:
    """Records in the audit trail what a member of staff does to the order."""
    if audit.current() is None:
        return
    before, after = _states(order, transition, total)
    before |= {name: getattr(order.row, name) for name in transition.details}
    after |= transition.details
    audit.record_difference(order_name(order.id), before, after, action=move, personal=_PERSONAL)


_PERSONAL = ("note", "reference", "ship_to", "tracking_number")
"""Details that can contain personal data."""


def _states(
    order: LockedOrder, transition: Transition, total: Decimal
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns status, total and units of the changed lines by product, before and after."""
    units, returned = transition.quantities, transition.returned
    lines = [line for line in order.lines if line.id in units]
    back = [line for line in order.lines if line.id in returned]
    new = {str(line.offer.id): line.quantity for line in transition.added}
    before = {
        "status": order.status,
        "total": order.total,
        "quantities": dict.fromkeys(new, 0) | {str(line.product): line.quantity for line in lines},
        "returned": {str(line.product): line.returned for line in back},
    }
    after = {
        "status": transition.status,
        "total": total,
        "quantities": new | {str(line.product): units[line.id] for line in lines},
        "returned": {str(line.product): returned[line.id] for line in back},
    }
    return before, after


def _move_stock(transition: Transition, event: UUID, request: TransitionRequest) -> None:
    if not transition.stock_moves:
        return
    balances = transition.balances
    if balances is None:
        balances = inventory.lock({move.product for move in transition.stock_moves})
    actor = request.caller.public_id
    movements = [
        Movement(move.product, move.available, move.committed, move.cause, str(event), actor)
        for move in transition.stock_moves
    ]
    inventory.refuse_too_many(movements, balances)
    inventory.move(movements, balances, now=request.now)


def _write_lines(order: LockedOrder, transition: Transition) -> None:
    gone = [id for id, quantity in transition.quantities.items() if quantity == 0]
    kept = (transition.quantities.keys() | transition.returned.keys()).difference(gone)
    values = (transition.quantities, transition.ordered, transition.returned)
    changed = [(id, *(value.get(id) for value in values)) for id in sorted(kept)]
    if gone:
        database.execute(writes.DELETE_LINES, [gone])
    if changed:
        database.execute(writes.SET_LINES, database.columns(changed))
    if transition.added:
        added = [
            (
                *(line.offer.id, line.offer.sku, line.offer.name, line.unit_price),
                *(line.quantity, line.offer.tax_rate),
            )
            for line in transition.added
        ]
        parameters = [order.id, order.row.placed_at, *database.columns(added)]
        database.execute(writes.ADD_LINES, parameters)


def _book(
    order: LockedOrder, transition: Transition, lines: Sequence[LineView], now: datetime
) -> None:
    """Books what the transition changes in the order's sales."""
    was_sold, is_sold = order.status in SOLD, transition.status in SOLD
    if was_sold == is_sold and not (
        transition.quantities or transition.returned or transition.added
    ):
        return
    book_sales(
        order.row,
        transition.type,
        before=order.lines if was_sold else (),
        after=lines if is_sold else (),
        now=now,
    )


def _lines_after(order: LockedOrder, transition: Transition) -> list[LineView]:
    units, returned = transition.quantities, transition.returned
    left = [
        with_units(
            line,
            quantity=units.get(line.id, line.quantity),
            returned=returned.get(line.id, line.returned),
        )
        for line in order.lines
        if units.get(line.id, line.quantity)
    ]
    added = [
        LineView(
            *(0, line.offer.id, line.offer.sku, line.offer.name, line.quantity, line.unit_price),
            tax_rate=line.offer.tax_rate,
        )
        for line in transition.added
    ]
    return left + added
