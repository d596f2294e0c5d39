"""Confirms orders that await their payment: on request, or by a payment that covers them.

An order keeps the units that are not released, and takes the others again if they are available:
all of them, or none. Whether its hold has expired does not matter.

A server confirms orders in the batches in which it places others (batches.py). A confirmation locks
the order and its held lines, and stock only where units were released.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from msgspec import Struct

from larder.core.errors import DomainError, NotFound
from larder.db import database, idempotency
from larder.db.idempotency import Claim, Earlier, Scope
from larder.identity.caller import Caller
from larder.identity.queries import submit_renewed
from larder.identity.services import audit
from larder.inventory.services import movements as inventory
from larder.inventory.services.movements import MOVING_WAIT, Balance, HeldByOrder, Movement
from larder.orders.errors import HoldExpired
from larder.orders.lifecycle import EVENTS, PERMISSIONS, PLACED, Move
from larder.orders.models import Order
from larder.orders.queries import LineView, view_of_row
from larder.orders.services.locks import OrderChange, order_name, submit_changes, submit_lock
from larder.orders.services.transitions import LockedOrder, Moved, TransitionRequest, submit_lines


class Confirmation(Struct, frozen=True, eq=False):
    """A request to confirm an order, and who makes it, for the audit trail. Two are never equal."""

    request: TransitionRequest
    by: audit.Acting | None

    @property
    def size(self) -> int:
        """What it counts among the lines of a batch."""
        return 1

    @property
    def now(self) -> datetime:
        """When it was made."""
        return self.request.now

    @property
    def claims(self) -> list[Claim]:
        """Its key, if it has one."""
        return [] if self.request.claim is None else [self.request.claim]

    @property
    def names(self) -> list[object]:
        """Values that no two requests of a transaction may share: the order, and the key."""
        return [self.request.order, *(claim.scope for claim in self.claims)]


Answer = Moved | Exception


class MustWait(Exception):
    """The order was not decided: another transaction has locked it, or it needs stock."""


def confirm_alone(confirmation: Confirmation) -> Moved:
    """Confirms an order in a transaction of its own, and waits for its lock, and for stock. Raises
    what refuses it."""
    with transaction.atomic(durable=True), database.pipeline():
        database.limit_lock_wait(MOVING_WAIT)
        earlier = idempotency.submit_claim(confirmation.claims, now=confirmation.now)()
        confirming = submit_confirm([confirmation], earlier, now=confirmation.now, is_alone=True)
        answer = confirming()()[confirmation]
        if isinstance(answer, Exception):
            raise answer
    return answer


def submit_confirm(
    batch: Sequence[Confirmation],
    earlier: Mapping[Scope, Earlier],
    *,
    now: datetime,
    is_alone: bool = False,
) -> Callable[[], Callable[[], dict[Confirmation, Answer]]]:
    """Submits the locks of different orders, whose keys are claimed. `earlier` are the claims of
    earlier requests. Returns a function that decides, submits what it writes, and returns another
    one, which waits for that and returns the answers.

    A refused order does not affect the others. One that `is_alone` waits for its lock, and for
    stock; others that had to wait are answered MustWait.
    """
    ids = [confirmation.request.order for confirmation in batch]
    locking = submit_lock(ids, skip_locked=not is_alone)
    holding = inventory.submit_held(ids, locks=True, skip_locked=not is_alone)
    reading = submit_lines(ids)
    callers = {confirmation.request.caller for confirmation in batch}
    renewing = {caller: cache(submit_renewed(caller)) for caller in callers}

    def confirm() -> Callable[[], dict[Confirmation, Answer]]:
        locked = _Locked(locking(), holding(), reading(), renewing)
        outcomes = {each: locked.decide(each, earlier, is_alone=is_alone) for each in batch}
        confirmed = {
            each: outcome for each, outcome in outcomes.items() if isinstance(outcome, _Confirmed)
        }
        writing = _submit_writes(list(confirmed.values()), now=now)

        def read() -> dict[Confirmation, Answer]:
            writing()
            return {each: _answer(outcome) for each, outcome in outcomes.items()}

        return read

    return confirm


class _Confirmed(NamedTuple):
    """A locked order that is confirmed. `by` is named in the audit trail. `missing` are the units
    by product that it takes again, `balances` those of their locked stock."""

    row: Order
    lines: Sequence[LineView]
    actor: UUID
    by: audit.Acting | None
    missing: Mapping[int, int]
    balances: Mapping[int, Balance]


class _Locked(NamedTuple):
    """Locked orders, their held units and lines. `renewing` returns a caller with the present
    rights, or raises SessionEnded."""

    rows: Mapping[UUID, Order]
    held: HeldByOrder
    lines: Mapping[UUID, Sequence[LineView]]
    renewing: Mapping[Caller, Callable[[], Caller]]

    def decide(
        self, confirmation: Confirmation, earlier: Mapping[Scope, Earlier], *, is_alone: bool
    ) -> _Confirmed | Answer:
        """Returns the order as it is confirmed, or the answer to another one: SessionEnded,
        NotStaff, PermissionMissing, SecondFactorRequired, KeyReused, NotFound, HoldExpired and what
        `LockedOrder.begins` raises; MustWait if another transaction has locked it."""
        request = confirmation.request
        try:
            caller = self.renewing[request.caller]()
            caller.require(PERMISSIONS[Move.CONFIRM])
            used = [(claim, earlier.get(claim.scope)) for claim in confirmation.claims]
            replayed = [use.result_for(claim) for claim, use in used if use is not None]
            row, lines = self.rows.get(request.order), self.lines[request.order]
            if row is None:
                raise MustWait if lines else NotFound
            moved = Moved(replayed=bool(replayed))
            order = LockedOrder(request, Move.CONFIRM, caller, row, lines, {}, None, moved)
            if order.begins() is None:
                return moved
            missing = _missing(lines, self.held[row.id])
            if missing and not is_alone:
                raise MustWait
            by = caller.public_id, confirmation.by
            return _Confirmed(row, lines, *by, missing, _lock(missing))
        except (DomainError, MustWait) as refusal:
            return refusal


def _answer(outcome: _Confirmed | Answer) -> Answer:
    if isinstance(outcome, _Confirmed):
        return Moved(view_of_row(outcome.row, list(outcome.lines)))
    return outcome


def confirm_paid(order: Order, *, actor: UUID, now: datetime) -> None:
    """Confirms a locked order that is pending or expired, and changes its row likewise. Writes
    nothing if units of it are gone.

    Locks its held lines, and the stock of what it does not hold.
    """
    reading, holding = submit_lines([order.id]), inventory.submit_held([order.id], locks=True)
    lines, held = reading()[order.id], holding()[order.id]
    with suppress(HoldExpired):
        missing = _missing(lines, held)
        confirmed = _Confirmed(order, lines, actor, None, missing, _lock(missing))
        _submit_writes([confirmed], now=now)()


def _missing(lines: Sequence[LineView], held: Mapping[int, int]) -> dict[int, int]:
    """Returns the units by product that an order does not hold any more."""
    return {line.product: line.quantity for line in lines if line.product not in held}


def _lock(missing: Mapping[int, int]) -> Mapping[int, Balance]:
    """Locks the stock of units that an order does not hold any more. Raises HoldExpired with the
    lines that it cannot get again."""
    balances = inventory.lock(missing) if missing else {}
    short: list[dict[str, Any]] = []
    for product, units in missing.items():
        if units > balances[product].available:
            counts = {"requested": units, "available": balances[product].available}
            short.append({"code": HoldExpired.code, "product": product, **counts})
    if short:
        raise HoldExpired(short)
    return balances


def _submit_writes(confirmed: Sequence[_Confirmed], *, now: datetime) -> Callable[[], None]:
    """Submits the orders as placed, with their events and entries of the audit trail. Returns a
    function that waits until they are written."""
    if not confirmed:
        return lambda: None
    inventory.end_holds([order.row.id for order in confirmed])
    changes = [
        OrderChange(order=order.row, type=EVENTS[Move.CONFIRM], status=PLACED, actor=order.actor)
        for order in confirmed
    ]
    for order, change in zip(confirmed, changes, strict=True):
        movements = [
            Movement(product, -units, units, "order", str(change.event), order.actor)
            for product, units in order.missing.items()
        ]
        inventory.move(movements, order.balances, now=now)
    entries: dict[audit.Acting, list[audit.Entry]] = defaultdict(list)
    for order in confirmed:
        if order.by is not None:
            was, is_now = {"status": order.row.status}, {"status": PLACED}
            entry = audit.Entry(order_name(order.row.id), Move.CONFIRM, was, is_now)
            entries[order.by].append(entry)
    for by, recorded in entries.items():
        audit.record_all(recorded, by)
    return submit_changes(changes, now=now)
