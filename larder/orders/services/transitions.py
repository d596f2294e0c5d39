"""Applies a transition to a placed order: a move of its lifecycle, or a change of its lines.

Every move of an order and every change of its lines takes these steps, in one transaction: claim
the idempotency key, lock the order (`lock_with_lines`), judge the move (`judge_request`), lock the
stock in product order, write (`write_changes`). `apply_transition` takes them for one order: the
use case returns a `Transition` while the order is locked.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any
from uuid import UUID

from msgspec.structs import replace as with_units

from larder.core.errors import DomainError, NotFound, PreconditionRequired
from larder.db import database, idempotency
from larder.db.idempotency import Claim
from larder.identity.caller import Caller
from larder.identity.services import accounts, audit, quotas
from larder.identity.services.credentials import require_permitted
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
from larder.orders.models import Order, OrderLine
from larder.orders.payment_state import Balances
from larder.orders.queries import LineView
from larder.orders.queries.event_log import last_event_data
from larder.orders.services.book_sales import book_sales
from larder.orders.services.locks import order_name, submit_lock
from larder.orders.services.refunds import balances_of
from larder.orders.services.write_changes import OrderChange, write_changes
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
    """An order whose row is locked; its lines are sorted by ascending id. `payments` are the sums
    of its payments; None without any."""

    id: UUID
    customer: int
    status: str
    version: int
    currency: str
    note: str
    reference: str
    ship_to: dict[str, Any] | None
    requested_for: date | None
    carrier: str
    tracking_number: str
    placed_at: datetime | None
    payments: Balances | None
    lines: Sequence[LineView]

    @property
    def total(self) -> Decimal:
        """Returns the exact sum of the lines."""
        return sum((one.quantity * one.unit_price for one in self.lines), Decimal(0))


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


Conflict = Callable[[LockedOrder], DomainError | None]
"""Returns the refusal of a request that differs from the same move, made earlier."""


def _no_conflict(order: LockedOrder) -> None:
    return None


IsSatisfied = Callable[[LockedOrder], bool]
"""Returns whether the order already has the requested values. A move that can be made several
times is recognised as a repeat by this."""


def _never_satisfied(order: LockedOrder) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Rules:
    """A move, and how a repeat of it is recognised."""

    move: Move
    conflict: Conflict = _no_conflict
    is_satisfied: IsSatisfied = _never_satisfied


def apply_transition(
    request: TransitionRequest,
    move: Move,
    decide: Callable[[LockedOrder], Transition],
    *,
    conflict: Conflict = _no_conflict,
    is_satisfied: IsSatisfied = _never_satisfied,
) -> bool:
    """Applies a move in one transaction. Returns whether it repeats an earlier request with its
    key.

    Changes nothing if the move was made before and `conflict` returns None, or if `is_satisfied`
    returns True. It keeps the key of such a request only if the move can be undone: any other stays
    made. After an undo, a request without a version and a key is refused.

    Raises NotFound (a draft, or an order of another customer), NotStaff, PermissionMissing,
    SecondFactorRequired, StaleVersion, PreconditionRequired, InvalidTransition, SessionEnded,
    StockLimitExceeded, KeyReused, QuotaExceeded (of customers), Overloaded, what `decide` raises,
    and what `conflict` returns.
    """

    who, rules = request.caller, Rules(move, conflict, is_satisfied)

    def make() -> UUID | str:
        row, lines = _lock(request.order)
        order, may = locked_order(row, lines), who.may(PERMISSIONS[move])
        if not judge_request(order, request, rules, by_staff=may):
            return request.order if move in REPEATABLE else idempotency.NOTHING_DONE
        accounts.require_active(request.caller)
        if not may:
            quotas.take("order_changes", request.caller.id, _units(order, request))
        transition = decide(order)
        _write(row, order, transition, request)
        _record(order, transition, move)
        # Last, because the locks of the stock may have been waited for too. Staff without the
        # permission act for themselves, as customers do.
        if who.is_staff:
            require_permitted(who, *who.permissions & {PERMISSIONS[move]})
        return request.order

    with moving_stock(by_staff=who.is_staff, account=who.public_id, lines=lines_of(request)):
        return idempotency.once(request.claim, make, now=request.now).replayed


def _units(order: LockedOrder, request: TransitionRequest) -> int:
    """Returns how many changes this one counts as: each line may write a row of the ledger."""
    return 1 + max(len(order.lines), request.lines) // LINES_OF_A_CHANGE


LINES_OF_A_CHANGE = 100
"""Lines from which on a change counts as one more."""


def lines_of(request: TransitionRequest) -> int:
    """Returns the larger number of lines: the order's or the request's."""
    return max(request.lines, OrderLine.objects.filter(order_id=request.order).count())


_row = attrgetter(
    *("id", "customer_id", "status", "version", "currency"),
    *("note", "reference", "ship_to", "requested_for", "carrier", "tracking_number", "placed_at"),
)

Locked = Mapping[UUID, tuple[Order, list[LineView]]]
"""Locked orders with their lines."""


def lock_with_lines(ids: Collection[UUID], *, skip_locked: bool = False) -> Locked:
    """Locks orders, and reads their lines under the locks. Unknown ids are not in it; with
    `skip_locked` neither are orders that another transaction has locked."""
    locking = submit_lock(ids, skip_locked=skip_locked)
    reading = database.submit(writes.LINES_OF_LOCKED, [list(ids)])
    lines: dict[UUID, list[LineView]] = defaultdict(list)
    orders = locking()
    for order, *line in reading():
        lines[order].append(LineView(*line))
    return {id: (order, lines[id]) for id, order in orders.items()}


def _lock(id: UUID) -> tuple[Order, list[LineView]]:
    found = lock_with_lines([id]).get(id)
    if found is None:
        raise NotFound
    return found


def locked_order(row: Order, lines: Sequence[LineView]) -> LockedOrder:
    """Returns the values of a locked row and its lines."""
    return LockedOrder(*(*_row(row), balances_of(row), lines))


def judge_request(
    order: LockedOrder, request: TransitionRequest, rules: Rules, *, by_staff: bool
) -> bool:
    """Returns whether the move has yet to be made. `by_staff`: the caller has the permission, or it
    is checked later.

    Raises the refusal if the move cannot be made: what `lifecycle.is_pending` raises, NotStaff,
    PermissionMissing, SecondFactorRequired, PreconditionRequired, and what `rules` return.

    A request for values that the order already has succeeds even if `If-Match` names an earlier
    version: RFC 9110, section 13.1.1, allows it.
    """
    caller, move = request.caller, rules.move
    by_owner = caller.id == order.customer
    verdict = judge(order.status, move, by_staff=by_staff, by_owner=by_owner)
    is_hidden = verdict is Verdict.NOT_FOUND and order.status != "draft" and caller.is_staff
    if verdict is Verdict.NOT_STAFF or is_hidden:
        caller.require(PERMISSIONS[move])
    if verdict is not Verdict.NOT_FOUND and rules.is_satisfied(order):
        return False
    against = rules.conflict(order) if verdict in MADE_BEFORE else None
    if not is_pending(order, move, verdict, version=request.version, conflict=against):
        return False
    if request.version is None and request.claim is None and is_undone(order.id, move):
        raise PreconditionRequired
    return True


def is_undone(order: UUID, move: Move) -> bool:
    """Returns whether the move, or the one that it undoes, was undone before."""
    return move in UNDONE and last_event_data(order, UNDONE[move]) is not None


def _write(
    row: Order, order: LockedOrder, transition: Transition, request: TransitionRequest
) -> None:
    change = OrderChange(
        order=row,
        type=transition.type,
        status=transition.status,
        actor=request.caller.public_id,
        data=transition.event_data,
        total=_total(order, transition),
        kept=_kept(order, transition),
        details=transition.details,
    )
    _move_stock(transition, change.event, request)
    _write_lines(order, transition)
    _book(row, order, transition, request.now)
    write_changes([change], now=request.now)


def _record(order: LockedOrder, transition: Transition, move: Move) -> None:
    """Records in the audit trail what a member of staff does to the order."""
    if audit.current() is None:
        return
    before, after = _states(order, transition)
    before |= {name: getattr(order, name) for name in transition.details}
    after |= transition.details
    audit.record_difference(order_name(order.id), before, after, action=move, personal=_PERSONAL)


_PERSONAL = ("note", "reference", "ship_to", "tracking_number")
"""Details that can contain personal data."""


def _states(order: LockedOrder, transition: Transition) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns status, total and units of the changed lines by product, before and after."""
    units, returned = transition.quantities, transition.returned
    lines = [one for one in order.lines if one.id in units]
    back = [one for one in order.lines if one.id in returned]
    new = {str(one.offer.id): one.quantity for one in transition.added}
    before = {
        "status": order.status,
        "total": order.total,
        "quantities": dict.fromkeys(new, 0) | {str(one.product): one.quantity for one in lines},
        "returned": {str(one.product): one.returned for one in back},
    }
    after = {
        "status": transition.status,
        "total": _total(order, transition),
        "quantities": new | {str(one.product): units[one.id] for one in lines},
        "returned": {str(one.product): returned[one.id] for one in back},
    }
    return before, after


def _move_stock(transition: Transition, event: UUID, request: TransitionRequest) -> None:
    if not transition.stock_moves:
        return
    balances = transition.balances
    if balances is None:
        balances = inventory.lock({one.product for one in transition.stock_moves})
    actor = request.caller.public_id
    movements = [
        Movement(one.product, one.available, one.committed, one.cause, str(event), actor)
        for one in transition.stock_moves
    ]
    inventory.refuse_too_many(movements, balances)
    inventory.move(movements, balances, now=request.now)


def _write_lines(order: LockedOrder, transition: Transition) -> None:
    lines = OrderLine.objects.filter(order_id=order.id)
    gone = [id for id, quantity in transition.quantities.items() if quantity == 0]
    kept = (transition.quantities.keys() | transition.returned.keys()).difference(gone)
    values = (transition.quantities, transition.ordered, transition.returned)
    changed = [(id, *(one.get(id) for one in values)) for id in sorted(kept)]
    added = [_new_line(order, line) for line in transition.added]
    if gone:
        lines.filter(id__in=gone).delete()
    if changed:
        database.execute(writes.SET_LINES, database.columns(changed))
    if added:
        OrderLine.objects.bulk_create(added)


def _book(row: Order, order: LockedOrder, transition: Transition, now: datetime) -> None:
    """Books what the transition changes in the order's sales."""
    was_sold, is_sold = order.status in SOLD, transition.status in SOLD
    if was_sold == is_sold and not (
        transition.quantities or transition.returned or transition.added
    ):
        return
    book_sales(
        row,
        transition.type,
        before=order.lines if was_sold else (),
        after=_lines_after(order, transition) if is_sold else (),
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


def _new_line(order: LockedOrder, line: PricedLine) -> OrderLine:
    return OrderLine(
        order_id=order.id,
        product_id=line.offer.id,
        sku=line.offer.sku,
        name=line.offer.name,
        unit_price=line.unit_price,
        quantity=line.quantity,
        placed_at=order.placed_at,
        tax_rate=line.offer.tax_rate,
    )


def _total(order: LockedOrder, transition: Transition) -> Decimal:
    """Returns the exact sum of the lines after the transition."""
    kept = (transition.quantities.get(one.id, one.quantity) * one.unit_price for one in order.lines)
    return sum(kept, Decimal(0)) + sum((one.total for one in transition.added), Decimal(0))


def _kept(order: LockedOrder, transition: Transition) -> Decimal:
    """Returns the exact sum of the lines after the transition without the returned units."""
    units, back = transition.quantities, transition.returned
    gone = (
        back.get(one.id, one.returned) * one.unit_price
        for one in order.lines
        if units.get(one.id, one.quantity)
    )
    return _total(order, transition) - sum(gone, Decimal(0))
