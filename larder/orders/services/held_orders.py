"""An order that is to be moved or changed: held under its lock, judged, and written once.

Every move goes through `carry_out`, in this order: the idempotency claim, the order's row, the
stock rows in product order. What a move does is a `Step`, made by the use case while the order is
held; here it is written whole, with the event that the ledger's entries refer to.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.db.models import F

from larder.core.errors import DomainError, NotFound, NotStaff, StaleVersion
from larder.core.ids import new_id
from larder.db import database, idempotency
from larder.db.idempotency import Claim
from larder.identity.caller import Caller
from larder.identity.services import accounts
from larder.inventory.services import movements as inventory
from larder.inventory.services.locks import moving_stock
from larder.inventory.services.movements import Balance, Movement
from larder.orders import sql
from larder.orders.decision import PricedLine
from larder.orders.errors import InvalidTransition
from larder.orders.lifecycle import Move, Verdict, judge
from larder.orders.models import Order, OrderEvent, OrderLine, OrderStatus
from larder.orders.services.locks import lock_order


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asks for a move of which order, and when; `version` is the one it must have. `lines` is
    how many lines the request gives."""

    order: UUID
    who: Caller
    now: datetime
    version: int | None = None
    claim: Claim | None = None
    lines: int = 0


@dataclass(frozen=True, slots=True)
class HeldLine:
    """A line as it stands under the order's lock."""

    id: int
    product: int
    sku: str
    name: str
    unit_price: Decimal
    quantity: int
    returned: int


@dataclass(frozen=True, slots=True)
class HeldOrder:
    """An order under its lock, its lines by ascending id."""

    id: UUID
    customer: int
    status: str
    version: int
    currency: str
    note: str
    reference: str
    ship_to: dict[str, Any] | None
    requested_for: date | None
    placed_at: datetime | None
    lines: Sequence[HeldLine]

    @property
    def total(self) -> Decimal:
        """Exact, over the lines as they are held."""
        return sum((one.quantity * one.unit_price for one in self.lines), Decimal(0))


@dataclass(frozen=True, slots=True)
class Shift:
    """Units of a product that move, and why; the event gives the rest of the ledger's entry."""

    product: int
    available: int
    committed: int
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What becomes of a held order.

    `type` names the event; `quantities` and `returned` are new values by line id, a quantity of 0
    takes the line off; `ordered` is what the line was before, where less was picked; `added` are
    new lines; `details` the order's own new values, by column. `balances` are the stock rows,
    where the use case locked them to decide.
    """

    type: str
    status: str
    data: Mapping[str, Any] = field(default_factory=dict)
    shifts: Sequence[Shift] = ()
    quantities: Mapping[int, int] = field(default_factory=dict)
    ordered: Mapping[int, int] = field(default_factory=dict)
    returned: Mapping[int, int] = field(default_factory=dict)
    added: Sequence[PricedLine] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    balances: Mapping[int, Balance] | None = None


Difference = Callable[[HeldOrder], DomainError | None]
"""What keeps a move from being taken for a repeat of one that was, or perhaps was, made before."""


def _no_difference(held: HeldOrder) -> None:
    return None


IsSo = Callable[[HeldOrder], bool]
"""Whether an order is already what is asked for: of moves that can be made again and again it is
the order itself that tells a repeat."""


def _never_so(held: HeldOrder) -> bool:
    return False


def carry_out(
    asked: Asked,
    move: Move,
    decide: Callable[[HeldOrder], Step],
    *,
    difference: Difference = _no_difference,
    is_so: IsSo = _never_so,
) -> bool:
    """Makes a move, wholly or not at all; whether it repeats an earlier request with its key.

    A move that was made before is left at that, unless there is a `difference`; so is one of
    which the order tells that it `is_so`. Raises NotFound (a draft, or another's), NotStaff,
    StaleVersion, InvalidTransition, SessionEnded, StockLimitExceeded, KeyReused, Overloaded, and
    what `decide` raises or `difference` finds.
    """

    def make() -> UUID:
        held = _lock_with_lines(asked.order)
        if _is_open(held, move, asked, difference, is_so):
            accounts.require_active(asked.who)
            _write(held, decide(held), asked)
        return asked.order

    with moving_stock(by_staff=asked.who.is_staff, lines=_lines_of(asked)):
        return idempotency.once(asked.claim, make, now=asked.now).replayed


def _lines_of(asked: Asked) -> int:
    """Returns how many lines a customer's move is about: those of the order, or those that the
    request gives if they are more. Staff have no limit that depends on it."""
    if asked.who.is_staff:
        return asked.lines
    return max(asked.lines, OrderLine.objects.filter(order_id=asked.order).count())


_row = attrgetter(
    *("id", "customer_id", "status", "version", "currency"),
    *("note", "reference", "ship_to", "requested_for", "placed_at"),
)
_LINE = ("id", "product_id", "sku", "name", "unit_price", "quantity", "returned")


def _lock_with_lines(id: UUID) -> HeldOrder:
    """Locks an order and reads its lines. Raises NotFound."""
    order = lock_order(id)
    if order is None:
        raise NotFound
    # After the lock: the lines are those under it.
    rows = OrderLine.objects.filter(order_id=id).order_by("id").values_list(*_LINE)
    lines = [HeldLine(*line) for line in rows]
    return HeldOrder(*(*_row(order), lines))


def _is_open(
    held: HeldOrder, move: Move, asked: Asked, difference: Difference, is_so: IsSo
) -> bool:
    """Whether the move is still to be made; raises what stands against it.

    Somebody who asks for what is already so is not told that they were too late: RFC 9110,
    section 13.1.1, lets a server answer so although `If-Match` names the version before.
    """
    who = asked.who
    verdict = judge(held.status, move, by_staff=who.is_staff, by_owner=who.id == held.customer)
    if verdict is Verdict.NOT_STAFF:
        raise NotStaff
    if verdict is Verdict.NOT_FOUND:
        raise NotFound
    made = verdict in {Verdict.MADE, Verdict.EVENTS_TELL}
    against = difference(held) if made else None
    if (made and against is None) or is_so(held):
        return False
    if asked.version not in (None, held.version):
        raise StaleVersion(held.version)
    if against is not None:
        raise against
    if verdict is Verdict.NOT_ALLOWED:
        raise InvalidTransition(held.status, move)
    return True


def _write(held: HeldOrder, step: Step, asked: Asked) -> None:
    event = new_id()
    _move_stock(step, event, asked)
    _write_lines(held, step)
    _swap(held, step, asked.now)
    OrderEvent.objects.create(
        id=event,
        order_id=held.id,
        type=step.type,
        from_status=held.status,
        to_status=step.status,
        actor=asked.who.public_id,
        at=asked.now,
        data=dict(step.data),
    )


def _move_stock(step: Step, event: UUID, asked: Asked) -> None:
    if not step.shifts:
        return
    balances = step.balances
    if balances is None:
        balances = inventory.lock({one.product for one in step.shifts})
    actor = asked.who.public_id
    movements = [
        Movement(one.product, one.available, one.committed, one.cause, str(event), actor)
        for one in step.shifts
    ]
    inventory.refuse_too_many(movements, balances)
    inventory.move(movements, balances, now=asked.now)


def _write_lines(held: HeldOrder, step: Step) -> None:
    lines = OrderLine.objects.filter(order_id=held.id)
    gone = [id for id, quantity in step.quantities.items() if quantity == 0]
    kept = (step.quantities.keys() | step.returned.keys()).difference(gone)
    values = (step.quantities, step.ordered, step.returned)
    changed = [(id, *(one.get(id) for one in values)) for id in sorted(kept)]
    added = [_new_line(held, line) for line in step.added]
    if gone:
        lines.filter(id__in=gone).delete()
    if changed:
        database.execute(sql.SET_LINES, database.columns(changed))
    if added:
        OrderLine.objects.bulk_create(added)


def _new_line(held: HeldOrder, line: PricedLine) -> OrderLine:
    return OrderLine(
        order_id=held.id,
        product_id=line.offer.id,
        sku=line.offer.sku,
        name=line.offer.name,
        unit_price=line.unit_price,
        quantity=line.quantity,
        placed_at=held.placed_at,
    )


def _swap(held: HeldOrder, step: Step, now: datetime) -> None:
    """The compare-and-swap of status and version."""
    row = Order.objects.filter(id=held.id, status=held.status, version=held.version)
    changed = row.update(
        status=OrderStatus(step.status),
        total=_total(held, step),
        version=F("version") + 1,
        updated_at=now,
        **step.details,
    )
    if changed != 1:
        raise RuntimeError("an order was moved by somebody else while it was locked")


def _total(held: HeldOrder, step: Step) -> Decimal:
    """Exact, over the lines as the step leaves them."""
    kept = (step.quantities.get(one.id, one.quantity) * one.unit_price for one in held.lines)
    return sum(kept, Decimal(0)) + sum((one.total for one in step.added), Decimal(0))
