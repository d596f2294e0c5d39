"""Confirms orders that await their payment: on request, or by a payment that covers them.

An order keeps the units that are not released, and takes the others again if they are available:
all of them, or none. Whether its hold has expired does not matter.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from larder.db import database
from larder.inventory.services import holds
from larder.inventory.services import movements as inventory
from larder.inventory.services.movements import Balance, Movement
from larder.orders.errors import HoldExpired
from larder.orders.lifecycle import PLACED, Move
from larder.orders.models import Order
from larder.orders.queries import LineView
from larder.orders.services.book_sales import book_sales
from larder.orders.services.transitions import (
    StockMove,
    Transition,
    TransitionRequest,
    begin,
    lock,
    moving,
    write,
)
from larder.orders.services.write_changes import OrderChange, write_changes
from larder.orders.sql import writes


def confirm_order(request: TransitionRequest) -> bool:
    """Confirms an order: it becomes placed. An order that was confirmed before stays as it is.

    Returns whether it repeats an earlier request with its key. Raises HoldExpired (units are gone)
    and what `transitions.begin` and `transitions.write` raise.
    """
    with moving(request) as is_repeat:
        if is_repeat:
            return True
        order = lock(request)
        if not begin(order, request, Move.CONFIRM):
            return False
        lines = {line.product: line.quantity for line in order.lines}
        balances, missing = _lock_stock(order.id, lines)
        if short := _short_lines(missing, balances):
            raise HoldExpired(short)
        holds.end([order.id])
        transition = Transition(
            type="confirmed",
            status=PLACED,
            stock_moves=[StockMove(product, -n, n, "order") for product, n in missing.items()],
            balances=balances,
        )
        write(order, request, Move.CONFIRM, transition)
    return False


def confirm_paid(order: Order, *, actor: UUID, now: datetime) -> None:
    """Confirms a locked order that is pending or expired, and changes its row likewise. Writes
    nothing if units of it are gone.

    Locks the stock of the order.
    """
    reading = database.rows(writes.LINES_OF_LOCKED, [[order.id]])
    lines = [LineView(*line) for _, *line in reading]
    balances, missing = _lock_stock(order.id, {line.product: line.quantity for line in lines})
    if _short_lines(missing, balances):
        return
    change = OrderChange(order=order, type="confirmed", status=PLACED, actor=actor)
    reference = str(change.event)
    moves = [Movement(product, -n, n, "order", reference, actor) for product, n in missing.items()]
    inventory.move(moves, balances, now=now)
    holds.end([order.id])
    book_sales(order, change.type, before=(), after=lines, now=now)
    write_changes([change], now=now)


def _lock_stock(
    order: UUID, lines: Mapping[int, int]
) -> tuple[Mapping[int, Balance], dict[int, int]]:
    """Locks the stock of the lines (units by product). Returns the balances, and the units that
    the order does not hold any more."""
    balances, held = inventory.submit_lock_of_held(lines, [order])()
    return balances, {id: units for id, units in lines.items() if id not in held[order]}


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
