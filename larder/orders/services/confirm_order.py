"""Confirms orders that await their payment: on request, or by a payment that covers them.

An order keeps the units that are not released, and takes the others again if they are available:
all of them, or none. Whether its hold has expired does not matter.

A server confirms orders in the batches in which it places others (batches.py). A confirmation locks
the order and its held lines, and stock only where units were released.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cache
from itertools import starmap
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from msgspec.structs import replace

from larder.core.errors import DomainError, NotFound, StaleVersion
from larder.core.ids import new_id
from larder.db import database, idempotency
from larder.identity.queries import submit_renewed
from larder.identity.services import audit
from larder.inventory.services import movements as inventory
from larder.orders.errors import HoldExpired, InvalidTransition
from larder.orders.lifecycle import EVENTS, PERMISSIONS, PLACED, Move, is_allowed, may_be_made
from larder.orders.payment_state import refund_due
from larder.orders.queries import OrderView, order_in
from larder.orders.services.locks import submit_rows
from larder.orders.services.transitions import Moved, TransitionRequest
from larder.orders.sql import writes


class MustWait(Exception):
    """The order was not decided: another transaction has locked it, or it needs stock."""


def confirm_alone(confirmation: TransitionRequest) -> Moved:
    """Confirms an order in a transaction of its own, and waits for its lock, and for stock. Raises
    what refuses it."""
    with transaction.atomic(durable=True), database.pipeline():
        database.limit_lock_wait(inventory.MOVING_WAIT)
        now = confirmation.now
        earlier = idempotency.claim(confirmation.claims, now=now)
        answers, writing = submit_confirm([confirmation], earlier, now=now, is_alone=True)()
        writing()
        answer = answers[confirmation]
        if isinstance(answer, Exception):
            raise answer
    return answer


Answers = dict[TransitionRequest, Moved | Exception]
Decided = tuple[Answers, Callable[[], None]]


def submit_confirm(
    batch: Sequence[TransitionRequest],
    earlier: Mapping[idempotency.Scope, idempotency.Earlier],
    *,
    now: datetime,
    is_alone: bool = False,
) -> Callable[[], Decided]:
    """Submits the locks of different orders, whose keys are claimed. `earlier` are the claims of
    earlier requests. Returns a function that decides, submits what it writes, and returns the
    answers, with a function that waits until they are written.

    A refused order does not affect the others: SessionEnded, NotStaff, PermissionMissing,
    SecondFactorRequired, KeyReused, NotFound, StaleVersion, InvalidTransition, HoldExpired. One
    that `is_alone` waits for locks; others that had to, or do not exist, are answered MustWait.
    """
    locking = _submit_lock([each.order for each in batch], waits=is_alone)
    callers = {confirmation.caller for confirmation in batch}
    renewing = {caller: cache(submit_renewed(caller)) for caller in callers}

    def confirm() -> Decided:
        orders = locking()
        answers: Answers = {}
        confirmed: dict[TransitionRequest, _Confirmed] = {}
        for confirmation in batch:
            try:
                caller = renewing[confirmation.caller]()
                caller.require(PERMISSIONS[Move.CONFIRM])
                uses = [claim for claim in confirmation.claims if claim.scope in earlier]
                replayed = bool([earlier[claim.scope].result_for(claim) for claim in uses])
                order = orders.get(confirmation.order)
                if order is None:
                    raise NotFound if is_alone else MustWait
                answers[confirmation] = Moved(replayed=replayed)
                if replayed or not _is_due(confirmation, order):
                    continue
                if order.missing and not is_alone:
                    raise MustWait
                balances, by = _lock(order.missing), confirmation.by
                confirmed[confirmation] = order, balances, caller.public_id, by
            except (DomainError, MustWait) as refusal:
                answers[confirmation] = refusal
        views, writing = _submit_writes(list(confirmed.values()), now=now)
        return answers | dict(zip(confirmed, map(Moved, views), strict=True)), writing

    return confirm


class _Held(NamedTuple):
    """A locked order, its stored status, and the units by product that it holds no more."""

    view: OrderView
    status: str
    missing: Mapping[int, int]


_Confirmed = tuple[_Held, Mapping[int, inventory.Balance], UUID, audit.Acting | None]
"""An order, the locked stock of what it takes again, the actor, and who is in the audit trail."""


def _submit_lock(ids: list[UUID], *, waits: bool = True) -> Callable[[], dict[UUID, _Held]]:
    """Submits the locks of orders and of their held lines. Returns a function that returns the
    orders by id, unless it `waits` without what another transaction has locked."""
    locking = "FOR UPDATE" if waits else "FOR UPDATE SKIP LOCKED"
    reading = database.submit(writes.HELD_ORDERS.replace("FOR UPDATE", locking), [ids])
    return lambda: {order.view.id: order for order in starmap(_held, reading())}


def _held(order: str, status: str, held: Sequence[int]) -> _Held:
    view = order_in.decode(order)
    lines = [line for line in view.lines if line.product not in held]
    return _Held(view, status, {line.product: line.quantity for line in lines})


def _is_due(confirmation: TransitionRequest, order: _Held) -> bool:
    """Returns whether the order has yet to be confirmed. The key of a request for one that was
    confirmed before is not kept. Raises StaleVersion, InvalidTransition."""
    if may_be_made(Move.CONFIRM, order.status):
        idempotency.release([claim.scope for claim in confirmation.claims])
        return False
    if confirmation.version not in {None, order.view.version}:
        raise StaleVersion(order.view.version)
    if not is_allowed(Move.CONFIRM, order.status, by_staff=True):
        raise InvalidTransition(order.status, Move.CONFIRM)
    return True


def confirm_paid(order: UUID, *, actor: UUID, now: datetime) -> None:
    """Confirms a locked order that is pending or expired, unless units of it are gone. Locks its
    held lines, and the stock of what it does not hold."""
    held = _submit_lock([order])()[order]
    with suppress(HoldExpired):
        _submit_writes([(held, _lock(held.missing), actor, None)], now=now)[1]()


def _lock(missing: Mapping[int, int]) -> Mapping[int, inventory.Balance]:
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


def _submit_writes(
    confirmed: Sequence[_Confirmed], *, now: datetime
) -> tuple[list[OrderView], Callable[[], None]]:
    """Submits the orders as placed, with their events and entries of the audit trail. Returns them,
    with a function that waits until they are written."""
    if not confirmed:
        return [], lambda: None
    views, rows = [], []
    for (view, status, missing), balances, actor, by in confirmed:
        event, version = new_id(), view.version
        move = {"was_status": status, "was_version": version, "status": PLACED, "data": {}}
        of_event = {"event": event, "type": EVENTS[Move.CONFIRM], "actor": actor}
        rows.append({"id": view.id, **move, **of_event, "channel": by and by.channel})
        views.append(replace(view, status=PLACED, version=version + 1, updated_at=now))
        movements = [
            inventory.Movement(product, -units, units, "order", str(event), actor)
            for product, units in missing.items()
        ]
        inventory.move(movements, balances, now=now)
    refunds = [
        (view.id, view.currency, refund_due(view.payments, view.payable))
        for view in views
        if view.payments is not None
    ]
    return views, submit_rows(rows, refunds, now=now)
