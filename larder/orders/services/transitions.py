"""What every move of a placed order, and every change of its lines, has in common.

`moving` opens the transaction, claims the key and locks the order; `LockedOrder.begins` judges the
request and locks stock; `LockedOrder.write` writes.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from larder.core.errors import DomainError, NotFound, PreconditionRequired, StaleVersion
from larder.core.ids import new_id
from larder.db import database, idempotency
from larder.identity.caller import Caller
from larder.identity.queries import submit_renewed
from larder.identity.services import audit, quotas
from larder.inventory.services import movements as inventory
from larder.inventory.services.movements import Movement
from larder.orders.errors import InvalidTransition
from larder.orders.lifecycle import (
    CANCELLED,
    EVENTS,
    FOR_CUSTOMERS,
    PERMISSIONS,
    REPEATABLE,
    SOLD,
    UNDONE,
    Move,
    is_allowed,
    may_be_made,
)
from larder.orders.models import Order, OrderLine
from larder.orders.queries import LineView, OrderView, view_of_row
from larder.orders.services.locks import (
    OrderChange,
    book_change,
    order_name,
    submit_changes,
    submit_lock,
)
from larder.orders.sql import writes

LINES_OF_A_CHANGE = 100
"""Lines from which on a change counts as one more in the quota: each may write to the ledger."""

PERSONAL = ("note", "reference", "ship_to", "tracking_number")
"""Details that can contain personal data."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TransitionRequest:
    """A caller's request to move or change an order. Two are never equal.

    `version` is the version that the order must have; None accepts every version. A
    confirmation has `by`, who is named in the audit trail: it is made in another thread.
    """

    order: UUID
    caller: Caller
    now: datetime
    version: int | None = None
    claim: idempotency.Claim | None = None
    by: audit.Acting | None = None

    size: ClassVar[int] = 1
    """What a confirmation counts among the lines of a batch."""

    @property
    def claims(self) -> list[idempotency.Claim]:
        """Its key, if it has one."""
        return [] if self.claim is None else [self.claim]

    @property
    def names(self) -> list[object]:
        """Values that no two requests of a batch may share: the order, and the key."""
        return [self.order, *(claim.scope for claim in self.claims)]


class Moved(NamedTuple):
    """The order after a move; None if the move changed nothing. `replayed`: because an earlier
    request had the same key."""

    order: OrderView | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class LockedOrder:
    """An order whose row is locked, and the request to move it.

    `lines` are sorted by ascending id. `events` has the data of its last event of each type of
    `writes.LAST_EVENTS`. A move locks the stock of its lines and of `products`, or none (None);
    `balances` are those of this stock. `unmoved` is the answer if the move changes nothing.
    """

    request: TransitionRequest
    move: Move
    caller: Caller
    row: Order
    lines: Sequence[LineView]
    events: Mapping[str, Mapping[str, Any]]
    products: Collection[int] | None
    unmoved: Moved
    balances: Mapping[int, inventory.Balance] = field(default_factory=dict)
    event: UUID = field(default_factory=new_id)

    @property
    def status(self) -> str:
        """The status as it is stored."""
        return self.row.status

    @property
    def units(self) -> dict[int, int]:
        """The units of its lines by product."""
        return {line.product: line.quantity for line in self.lines}

    @property
    def is_by_staff(self) -> bool:
        """Whether the caller may move the orders of all customers."""
        return self.caller.may(PERMISSIONS[self.move])

    def begins(
        self, *, conflict: DomainError | None = None, is_satisfied: bool = False
    ) -> "LockedOrder | None":
        """Returns the order with its stock locked, if the move has yet to be made; then it counts
        in the quota of a customer.

        Returns None if it was made before (a request that differs from that one is refused with
        `conflict`), and if the order already has the requested values (`is_satisfied`), also if
        `If-Match` names an earlier version (RFC 9110, section 13.1.1). The key of such a request is
        kept only if the move can be undone. After an undo, a request needs a version or a key.

        Raises NotFound, what `Caller.require` raises, StaleVersion, PreconditionRequired,
        InvalidTransition and QuotaExceeded (of customers).
        """
        if self.unmoved.replayed:
            return None
        self._require_leave()
        request, was_made = self.request, may_be_made(self.move, self.status)
        if is_satisfied or (was_made and conflict is None):
            if request.claim is not None and self.move not in REPEATABLE:
                idempotency.release([request.claim.scope])
            return None
        if request.version not in {None, self.row.version}:
            raise StaleVersion(self.row.version)
        if was_made and conflict is not None:
            raise conflict
        if not is_allowed(self.move, self.status, by_staff=self.is_by_staff):
            raise InvalidTransition(self.status, self.move)
        if request.version is None and request.claim is None and self.is_undone:
            raise PreconditionRequired
        if not self.is_by_staff:
            most = max(len(self.lines), len(self.products or ()))
            quotas.take("order_changes", self.caller.id, 1 + most // LINES_OF_A_CHANGE)
        if self.products is None:
            return self
        locking = inventory.submit_lock({*self.units, *self.products})
        renewing = submit_renewed(self.caller)
        begun = replace(self, balances=locking(), caller=renewing())
        # The permission may have been taken away during the wait.
        begun._require_leave()
        return begun

    def _require_leave(self) -> None:
        """Raises the refusal if the caller may never make the move. It does not tell the status."""
        is_for_staff = self.move not in FOR_CUSTOMERS
        if self.is_by_staff or (self.caller.id == self.row.customer_id and not is_for_staff):
            return
        if is_for_staff or self.caller.is_staff:
            self.caller.require(PERMISSIONS[self.move])
        raise NotFound

    @property
    def is_undone(self) -> bool:
        """Whether the move, or the one that it undoes, was undone before."""
        return UNDONE.get(self.move) in self.events

    def never_undone(self) -> DomainError | None:
        """Returns the refusal of a repeated undoing if the order was never undone."""
        return None if self.is_undone else InvalidTransition(self.status, self.move)

    def movement(self, product: int, available: int, committed: int, cause: str) -> Movement:
        """Returns a movement of this move, which `write` writes."""
        reference, actor = str(self.event), self.caller.public_id
        return Movement(product, available, committed, cause, reference, actor)

    def write(
        self,
        status: str,
        *,
        data: Mapping[str, Any] | None = None,
        lines: Sequence[LineView] | None = None,
        movements: Sequence[Movement] = (),
        details: Mapping[str, Any] | None = None,
    ) -> Moved:
        """Writes the new status, with an event and an entry of the audit trail.

        `lines` are the lines after the move, without those that are gone; new ones have the id 0.
        `details` are new values of the order's columns. Raises StockLimitExceeded, LockBroken.
        """
        new, now = self.lines if lines is None else lines, self.request.now
        change = OrderChange(
            order=self.row,
            type="cancelled" if status == CANCELLED else EVENTS[self.move],
            status=status,
            actor=self.caller.public_id,
            event=self.event,
            data=data or {},
            total=sum([line.line_total for line in new], Decimal(0)),
            units=sum(line.quantity for line in new),
            details={
                name: value
                for name, value in (details or {}).items()
                if value != getattr(self.row, name)
            },
        )
        inventory.refuse_too_many(movements, self.balances)
        inventory.move(movements, self.balances, now=now)
        _write_lines(self.row, self.lines, new)
        after = new if status in SOLD else ()
        if self.status in SOLD and after is not self.lines:
            book_change(change, self.lines, after, now=now)
        if audit.current() is not None:
            self._record(change, new)
        submit_changes([change], now=now)()
        return Moved(view_of_row(self.row, list(new)))

    def _record(self, change: OrderChange, new: Sequence[LineView]) -> None:
        """Records in the audit trail what a member of staff does to the order: status, total,
        details, and the units of the lines that differ."""
        before: dict[str, Any] = {"status": self.status, "total": self.row.total}
        after: dict[str, Any] = {"status": change.status, "total": change.total}
        for shown, name in (("quantities", "quantity"), ("returned", "returned")):
            old, present = (
                {str(line.product): getattr(line, name) for line in lines}
                for lines in (self.lines, new)
            )
            differing = [id for id in old | present if old.get(id, 0) != present.get(id, 0)]
            before[shown] = {id: old.get(id, 0) for id in differing}
            after[shown] = {id: present.get(id, 0) for id in differing}
        before |= {name: getattr(self.row, name) for name in change.details}
        audit.record_difference(
            order_name(self.row.id),
            before,
            after | dict(change.details),
            action=self.move,
            personal=PERSONAL,
        )


@contextmanager
def moving(
    request: TransitionRequest, move: Move, *, products: Collection[int] | None = None
) -> Iterator[LockedOrder]:
    """Opens the transaction of a move, claims its key, and locks the order. When the move begins,
    it locks the stock of the order's lines and of `products`, or none (None).

    The caller's rights are read last, because the locks may have been waited for. Raises KeyReused,
    NotFound, SessionEnded, Overloaded.
    """
    caller, id = request.caller, request.order
    with inventory.moving_stock(by_staff=caller.is_staff):
        claiming = idempotency.submit_repeat(request.claim, now=request.now)
        locking = submit_lock(id)
        reading_lines = database.submit(writes.LINES_OF_LOCKED, [id])
        reading_events = database.submit(writes.LAST_EVENTS, [id])
        renewing = submit_renewed(caller)
        replayed = claiming()
        row = locking()
        if row is None:
            raise NotFound
        yield LockedOrder(
            request,
            move,
            renewing(),
            row,
            [LineView(*line) for line in reading_lines()],
            {type: json.loads(data) for type, data in reading_events()},
            products,
            Moved(replayed=replayed),
        )


def _write_lines(order: Order, before: Sequence[LineView], after: Sequence[LineView]) -> None:
    if after is before:
        return
    old = {line.id: line for line in before}
    changed = [
        (line.id, line.quantity, line.ordered, line.returned)
        for line in after
        if line.id and line != old[line.id]
    ]
    added = [
        OrderLine(
            order=order,
            product_id=line.product,
            sku=line.sku,
            name=line.name,
            unit_price=line.unit_price,
            quantity=line.quantity,
            placed_at=order.placed_at,
            tax_rate=line.tax_rate,
        )
        for line in after
        if not line.id
    ]
    if gone := old.keys() - {line.id for line in after}:
        OrderLine.objects.filter(id__in=gone).delete()
    if changed:
        database.execute(writes.SET_LINES, database.columns(changed))
    OrderLine.objects.bulk_create(added)
