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

from larder.core.errors import DomainError, NotFound
from larder.db import database, idempotency
from larder.db.idempotency import Earlier, Scope
from larder.identity.queries import submit_renewed
from larder.identity.services import audit
from larder.inventory.services import movements as inventory
from larder.inventory.services.movements import MOVING_WAIT, Balance, Movement
from larder.orders.errors import HoldExpired
from larder.orders.lifecycle import EVENTS, PERMISSIONS, PLACED, Move
from larder.orders.models import Order
from larder.orders.queries import LineView, view_of_row
from larder.orders.services.locks import OrderChange, order_name, submit_changes, submit_lock
from larder.orders.services.transitions import LockedOrder, Moved, TransitionRequest, submit_lines

Answer = Moved | Exception


class MustWait(Exception):
    """The order was not decided: another transaction has locked it, or it needs stock."""


def confirm_alone(confirmation: TransitionRequest) -> Moved:
    """Confirms an order in a transaction of its own, and waits for its lock, and for stock. Raises
    what refuses it."""
    with transaction.atomic(durable=True), database.pipeline():
        database.limit_lock_wait(MOVING_WAIT)
        earlier = idempotency.submit_claim(confirmation.claims, now=confirmation.now)()
        confirming = submit_confirm([confirmation], earlier, now=confirmation.now, is_alone=True)
        answers, writing = confirming()
        writing()
        answer = answers[confirmation]
        if isinstance(answer, Exception):
            raise answer
    return answer


Confirming = Callable[[], tuple[dict[TransitionRequest, Answer], Callable[[], None]]]


def submit_confirm(
    batch: Sequence[TransitionRequest],
    earlier: Mapping[Scope, Earlier],
    *,
    now: datetime,
    is_alone: bool = False,
) -> Confirming:
    """Submits the locks of different orders, whose keys are claimed. `earlier` are the claims of
    earlier requests. Returns a function that decides, submits what it writes, and returns the
    answers, with a function that waits until they are written.

    A refused order does not affect the others: SessionEnded, NotStaff, PermissionMissing,
    SecondFactorRequired, KeyReused, NotFound, HoldExpired and what `LockedOrder.begins` raises. One
    that `is_alone` waits for its lock, and for stock; others that had to wait are answered
    MustWait.
    """
    ids = [confirmation.order for confirmation in batch]
    locking = submit_lock(ids, skip_locked=not is_alone)
    holding = inventory.submit_held(ids, locks=True, skip_locked=not is_alone)
    reading = submit_lines(ids)
    callers = {confirmation.caller for confirmation in batch}
    renewing = {caller: cache(submit_renewed(caller)) for caller in callers}

    def confirm() -> tuple[dict[TransitionRequest, Answer], Callable[[], None]]:
        rows, held, lines = locking(), holding(), reading()
        answers: dict[TransitionRequest, Answer] = {}
        confirmed: dict[TransitionRequest, _Confirmed] = {}
        for confirmation in batch:
            id, replayed = confirmation.order, False
            try:
                caller = renewing[confirmation.caller]()
                caller.require(PERMISSIONS[Move.CONFIRM])
                for claim in confirmation.claims:
                    if claim.scope in earlier:
                        earlier[claim.scope].result_for(claim)
                        replayed = True
                if id not in rows:
                    raise MustWait if lines[id] else NotFound
                answers[confirmation] = moved = Moved(replayed=replayed)
                row = rows[id]
                moving = LockedOrder(
                    confirmation, Move.CONFIRM, caller, row, lines[id], {}, None, moved
                )
                if moving.begins() is None:
                    continue
                missing = _missing(lines[id], held[id])
                if missing and not is_alone:
                    raise MustWait
                by = caller.public_id, confirmation.by
                confirmed[confirmation] = _Confirmed(row, lines[id], *by, missing, _lock(missing))
            except (DomainError, MustWait) as refusal:
                answers[confirmation] = refusal
        writing = _submit_writes(list(confirmed.values()), now=now)
        for confirmation, order in confirmed.items():
            answers[confirmation] = Moved(view_of_row(order.row, list(order.lines)))
        return answers, writing

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
