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
from larder.db.idempotency import Earlier, Scope
from larder.identity.caller import Caller
from larder.identity.queries import submit_renewed
from larder.identity.services import audit
from larder.inventory.services import movements as inventory
from larder.inventory.services.movements import MOVING_WAIT, Balance, HeldByOrder, Movement
from larder.orders.errors import HoldExpired
from larder.orders.lifecycle import EVENTS, PERMISSIONS, PLACED, Move
from larder.orders.models import Order
from larder.orders.queries import LineView, view_of_row
from larder.orders.services.locks import (
    OrderChange,
    order_name,
    submit_lock,
    write_changes,
)
from larder.orders.services.transitions import (
    LockedOrder,
    Moved,
    TransitionRequest,
    submit_lines,
)


class Confirmation(Struct, frozen=True, eq=False):
    """A request to confirm an order, and who makes it, for the audit trail. Two are never equal."""

    request: TransitionRequest
    by: audit.Acting | None

    @property
    def size(self) -> int:
        """What it counts among the lines of a batch."""
        return 1

    @property
    def names(self) -> list[object]:
        """Values that no two requests of a transaction may share: the order, and the key."""
        claim = self.request.claim
        return [self.request.order, *([] if claim is None else [claim.scope])]


Answer = Moved | Exception


class MustWait(Exception):
    """The order was not decided: another transaction has locked it, or it needs stock."""


def confirm_alone(confirmation: Confirmation) -> Moved:
    """Confirms an order in a transaction of its own, and waits for its lock, and for stock. Raises
    what refuses it."""
    with transaction.atomic(durable=True), database.pipeline():
        database.limit_lock_wait(MOVING_WAIT)
        answer = confirm([confirmation], is_alone=True)[confirmation]
    if isinstance(answer, Exception):
        raise answer
    return answer


def confirm(batch: Sequence[Confirmation], *, is_alone: bool = False) -> dict[Confirmation, Answer]:
    """Confirms different orders in the open transaction. Returns the answers: a refused order does
    not affect the others. One that `is_alone` waits for its lock, and for stock; others that had to
    wait are answered MustWait."""
    if not batch:
        return {}
    requests = [confirmation.request for confirmation in batch]
    now = max(request.now for request in requests)
    claims = [request.claim for request in requests if request.claim is not None]
    claiming = idempotency.submit_claim(claims, now=now)
    locking = _submit_locks(requests, skip_locked=not is_alone)
    earlier, locked = claiming(), locking()
    answers: dict[Confirmation, Answer] = {}
    confirmed: dict[Confirmation, _Confirmed] = {}
    for confirmation in batch:
        request = confirmation.request
        try:
            order = locked.order(request, earlier)
            if order.begins():
                missing = _missing(order.lines, locked.held[order.id])
                if missing and not is_alone:
                    raise MustWait
                acting = order.caller.public_id, confirmation.by
                taken = missing, _lock(missing)
                confirmed[confirmation] = _Confirmed(order.row, order.lines, *acting, *taken)
            else:
                answers[confirmation] = order.unmoved
        except (DomainError, MustWait) as refusal:
            answers[confirmation] = refusal
            if request.claim is not None and request.claim.scope not in earlier:
                idempotency.release([request.claim.scope])
    _write(list(confirmed.values()), now=now)
    return answers | {
        confirmation: Moved(view_of_row(order.row, list(order.lines)))
        for confirmation, order in confirmed.items()
    }


class _Locked(NamedTuple):
    """Locked orders, their lines and held units. `renewing` returns a caller with the present
    rights, or raises SessionEnded."""

    rows: Mapping[UUID, Order]
    lines: Mapping[UUID, Sequence[LineView]]
    held: HeldByOrder
    renewing: Mapping[Caller, Callable[[], Caller]]

    def order(self, request: TransitionRequest, earlier: Mapping[Scope, Earlier]) -> LockedOrder:
        """Returns the order of a request. Raises SessionEnded, NotStaff, PermissionMissing,
        SecondFactorRequired, KeyReused, NotFound; MustWait if another transaction has locked it."""
        caller, claim = self.renewing[request.caller](), request.claim
        caller.require(PERMISSIONS[Move.CONFIRM])
        use = None if claim is None else earlier.get(claim.scope)
        if use is not None and claim is not None:
            use.result_for(claim)
        row, lines = self.rows.get(request.order), self.lines[request.order]
        if row is None:
            raise MustWait if lines else NotFound
        moved = Moved(replayed=use is not None)
        return LockedOrder(request, Move.CONFIRM, caller, row, lines, {}, None, moved)


def _submit_locks(
    requests: Sequence[TransitionRequest], *, skip_locked: bool
) -> Callable[[], _Locked]:
    """Submits the locks of orders and their held lines, and what is read under them."""
    ids = [request.order for request in requests]
    locking = submit_lock(ids, skip_locked=skip_locked)
    holding = inventory.submit_held(ids, locks=True, skip_locked=skip_locked)
    reading = submit_lines(ids)
    callers = {request.caller for request in requests}
    renewing = {caller: cache(submit_renewed(caller)) for caller in callers}

    def read() -> _Locked:
        rows, held = locking(), holding()
        return _Locked(rows, reading(), held, renewing)

    return read


class _Confirmed(NamedTuple):
    """A locked order that is confirmed. `by` is named in the audit trail. `missing` are the units
    by product that it takes again, `balances` those of their locked stock."""

    row: Order
    lines: Sequence[LineView]
    actor: UUID
    by: audit.Acting | None
    missing: Mapping[int, int]
    balances: Mapping[int, Balance]


def confirm_paid(order: Order, *, actor: UUID, now: datetime) -> None:
    """Confirms a locked order that is pending or expired, and changes its row likewise. Writes
    nothing if units of it are gone.

    Locks its held lines, and the stock of what it does not hold.
    """
    reading, holding = submit_lines([order.id]), inventory.submit_held([order.id], locks=True)
    lines, held = reading()[order.id], holding()[order.id]
    with suppress(HoldExpired):
        missing = _missing(lines, held)
        _write([_Confirmed(order, lines, actor, None, missing, _lock(missing))], now=now)


def _missing(lines: Sequence[LineView], held: Mapping[int, int]) -> dict[int, int]:
    """Returns the units by product that an order does not hold any more."""
    return {line.product: line.quantity for line in lines if line.product not in held}


def _lock(missing: Mapping[int, int]) -> Mapping[int, Balance]:
    """Locks the stock of units that an order does not hold any more. Raises HoldExpired with the
    lines that it cannot get again."""
    balances = inventory.lock(missing) if missing else {}
    if short := _short_lines(missing, balances):
        raise HoldExpired(short)
    return balances


def _short_lines(
    missing: Mapping[int, int], balances: Mapping[int, Balance]
) -> list[dict[str, Any]]:
    """Returns the lines that an order cannot get again, as a refusal has them."""
    return [
        {
            "code": HoldExpired.code,
            "product": product,
            "requested": units,
            "available": balances[product].available,
        }
        for product, units in missing.items()
        if units > balances[product].available
    ]


def _write(confirmed: Sequence[_Confirmed], *, now: datetime) -> None:
    """Writes orders as placed, with their events and entries of the audit trail."""
    if not confirmed:
        return
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
    write_changes(changes, now=now)
