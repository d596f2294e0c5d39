"""Confirms orders that await their payment: on request, or by a payment that covers them.

An order keeps the units that are not released, and takes the others again if they are available:
all of them, or none. Whether its hold has expired does not matter.

A server confirms the orders of requests that arrive at the same time in one transaction. It locks
the orders and their held lines, and waits for stock only where units were released.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from functools import cache, partial
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction

from larder.core.batch_queue import BatchQueue, Limits, Queued, Take
from larder.core.errors import DomainError, NotFound
from larder.db import database, idempotency
from larder.db.idempotency import Earlier, Scope
from larder.db.postgresql.errors import CommitUnknown
from larder.identity.caller import Caller
from larder.identity.queries import submit_renewed
from larder.identity.services import audit
from larder.inventory.services import movements as inventory
from larder.inventory.services.movements import MOVING_WAIT, Balance, HeldByOrder, Movement
from larder.orders.errors import HoldExpired
from larder.orders.lifecycle import EVENTS, PERMISSIONS, PLACED, Move
from larder.orders.models import Order
from larder.orders.queries import LineView, view_of_row
from larder.orders.services.book_sales import Sale, book_sales
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

LIMITS = Limits(max_batch_size=64, queue_capacity=1_024, queue_timeout=5.0)

BATCH_WAIT = 0.1
"""Seconds for which a batch waits for the lock of a key. It does not wait for orders that another
transaction has locked, or their held lines: they are confirmed beside it, and have longer."""


class Confirmation(NamedTuple):
    """A request to confirm an order, and who makes it, for the audit trail."""

    request: TransitionRequest
    by: audit.Acting | None


Answer = Moved | Exception
_Queued = Queued[Confirmation, Moved]


class _Later(Exception):
    """The order was not decided. It is confirmed beside the batches: it is locked, needs stock, or
    another of its batch is for the same order."""


def confirm_order(request: TransitionRequest) -> Moved:
    """Confirms an order: it becomes placed. An order that was confirmed before stays as it is.

    Raises HoldExpired (units are gone), NotFound, SessionEnded, KeyReused, Overloaded and what
    `LockedOrder.begins` raises.
    """
    confirmation = Confirmation(request, audit.current())
    if _queues:
        moved = _queues[0].submit(confirmation)
        database.note_committed()
        return moved
    (answer,) = confirm_batch(lambda: [confirmation])
    if isinstance(answer, Exception):
        raise answer
    return answer


def start_confirmation(
    confirmation: Confirmation, done: Callable[[Answer], object]
) -> Callable[[], None]:
    """Begins to confirm an order, as `confirm_order` does, and does not wait: `done` gets the
    answer, in any thread.

    Returns the function that refuses it if it still waits; to be called after LIMITS.queue_timeout,
    and once more after LIMITS.batch_timeout. Raises Overloaded.
    """
    queue = _queues[0]
    return partial(queue.give_up, queue.put(confirmation, done))


def start() -> None:
    """Confirms the orders of this process in batches from now on. A server calls it."""
    nothing: deque[Any] = deque(maxlen=0)
    unknown = partial(CommitUnknown, "no batch ended")
    queue = BatchQueue(_confirm_next, LIMITS, batches=nothing, refused=nothing, unknown=unknown)
    _queues.append(queue)


_queues: list[BatchQueue[Confirmation, Moved]] = []


def _confirm_next(take: Take[Confirmation, Moved]) -> None:
    """Confirms the next batch of the queue. Those of a failed batch are confirmed beside it, each
    alone, so that only the ones that cause the failure fail."""
    batch: list[_Queued] = []

    def confirmations() -> list[Confirmation]:
        for queued in take():
            if queued.request.request.order in _waiting:
                # The batch would wait for its key, which the other request for the order has.
                _confirm_beside(queued)
            else:
                batch.append(queued)
        return [queued.request for queued in batch]

    database.release_if_lost()
    answers: Sequence[Answer]
    try:
        answers = confirm_batch(confirmations, is_alone=False)
    except Exception as error:
        is_alone = len(batch) < 2 and not database.is_lock_timeout(error)
        if is_alone or not database.was_rolled_back(error):
            raise
        answers = [_Later()] * len(batch)
    for queued, answer in zip(batch, answers, strict=True):
        if isinstance(answer, _Later):
            _confirm_beside(queued)
        else:
            _queues[0].resolve(queued, answer)


_beside = ThreadPoolExecutor(1)
_waiting: set[UUID] = set()
"""The orders that are confirmed beside the batches."""


def _confirm_beside(queued: _Queued) -> None:
    _queues[0].put_back(queued)
    _waiting.add(queued.request.request.order)
    _beside.submit(_confirm_alone, queued)


def _confirm_alone(queued: _Queued) -> None:
    if _queues[0].take(queued):
        answer: Answer
        try:
            (answer,) = confirm_batch(lambda: [queued.request])
        except Exception as error:
            answer = error
        finally:
            database.release()
        _queues[0].resolve(queued, answer)
    _waiting.discard(queued.request.request.order)


def confirm_batch(
    take: Callable[[], Sequence[Confirmation]], *, is_alone: bool = True
) -> list[Answer]:
    """Confirms the orders that `take` returns in its transaction. Returns the answers: a refused
    order does not affect the others. An order that `is_alone` waits for its own lock, and for
    stock."""
    with transaction.atomic(durable=True), database.pipeline():
        database.limit_lock_wait(MOVING_WAIT if is_alone else BATCH_WAIT)
        batch = take()
        if not batch:
            return []
        first = {confirmation.request.order: confirmation for confirmation in reversed(batch)}
        answers = _confirm(list(first.values()), is_alone=is_alone)
        return [
            answers[confirmation.request.order]
            if first[confirmation.request.order] is confirmation
            else _Later()
            for confirmation in batch
        ]


def _confirm(batch: Sequence[Confirmation], *, is_alone: bool) -> dict[UUID, Answer]:
    """Confirms different orders. Returns the answers by order."""
    now = max(request.now for request, _ in batch)
    claims = [request.claim for request, _ in batch if request.claim is not None]
    claiming = idempotency.submit_claim(claims, now=now)
    locking = _submit_locks([request for request, _ in batch], skip_locked=not is_alone)
    earlier, locked = claiming(), locking()
    answers: dict[UUID, Answer] = {}
    confirmed: list[_Confirmed] = []
    for request, by in batch:
        try:
            order = locked.order(request, earlier)
            if order.begins():
                missing = _missing(order.lines, locked.held[order.id])
                if missing and not is_alone:
                    raise _Later
                actor = order.caller.public_id
                taken = missing, _lock(missing)
                confirmed.append(_Confirmed(order.row, order.lines, actor, by, *taken))
            else:
                answers[order.id] = order.moved
        except (DomainError, _Later) as refusal:
            answers[request.order] = refusal
            if request.claim is not None and request.claim.scope not in earlier:
                idempotency.release([request.claim.scope])
    _write(confirmed, now=now)
    return answers | {row.id: Moved(view_of_row(row, list(lines))) for row, lines, *_ in confirmed}


class _Locked(NamedTuple):
    """Locked orders, their lines and held units. `renewing` returns a caller with the present
    rights, or raises SessionEnded."""

    rows: Mapping[UUID, Order]
    lines: Mapping[UUID, Sequence[LineView]]
    held: HeldByOrder
    renewing: Mapping[Caller, Callable[[], Caller]]

    def order(self, request: TransitionRequest, earlier: Mapping[Scope, Earlier]) -> LockedOrder:
        """Returns the order of a request. Raises SessionEnded, NotStaff, PermissionMissing,
        SecondFactorRequired, KeyReused, NotFound; _Later if another transaction has locked it."""
        caller, claim = self.renewing[request.caller](), request.claim
        caller.require(PERMISSIONS[Move.CONFIRM])
        use = None if claim is None else earlier.get(claim.scope)
        if use is not None and claim is not None:
            use.result_for(claim)
        row, lines = self.rows.get(request.order), self.lines[request.order]
        if row is None:
            raise _Later if lines else NotFound
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
    """Writes orders as placed, with their sales, events and entries of the audit trail."""
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
    book_sales([Sale(order.row, EVENTS[Move.CONFIRM], (), order.lines) for order in confirmed], now)
    entries: dict[audit.Acting, list[audit.Entry]] = defaultdict(list)
    for order in confirmed:
        if order.by is not None:
            was, is_now = {"status": order.row.status}, {"status": PLACED}
            entry = audit.Entry(order_name(order.row.id), Move.CONFIRM, was, is_now)
            entries[order.by].append(entry)
    for by, recorded in entries.items():
        audit.record_all(recorded, by)
    write_changes(changes, now=now)
