"""Confirms orders that await their payment: on request, or by a payment that covers them.

An order keeps the units that are not released, and takes the others again if they are available:
all of them, or none. Whether its hold has expired does not matter.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from larder.db import database
from larder.inventory.services import movements as inventory
from larder.inventory.services.movements import LockedStock, Movement
from larder.orders.errors import HoldExpired
from larder.orders.lifecycle import PLACED, Move
from larder.orders.models import Order
from larder.orders.queries import LineView
from larder.orders.services.book_sales import book_sales
from larder.orders.services.transitions import (
    Moved,
    TransitionRequest,
    moving,
    submit_stock,
)
from larder.orders.services.write_changes import OrderChange, write_changes
from larder.orders.sql import writes


def confirm_order(request: TransitionRequest) -> Moved:
    """Confirms an order: it becomes placed. An order that was confirmed before stays as it is.

    Raises HoldExpired (units are gone) and what `moving`, `begins` and `write` raise.
    """
    with moving(request, Move.CONFIRM, products=()) as order:
        if order.begins() and order.stock is not None:
            missing = _missing(order.lines, order.stock)
            if short := _short_lines(missing, order.stock):
                raise HoldExpired(short)
            inventory.end_holds([order.id])
            taken = [order.movement(product, -n, n, "order") for product, n in missing.items()]
            order.write(PLACED, movements=taken)
    return order.moved


def confirm_paid(order: Order, *, actor: UUID, now: datetime) -> None:
    """Confirms a locked order that is pending or expired, and changes its row likewise. Writes
    nothing if units of it are gone.

    Locks the stock of the order.
    """
    reading = database.submit(writes.LINES_OF_LOCKED, [[order.id]])
    stock = submit_stock(order.id, ())()
    lines = [LineView(*line) for _, *line in reading()]
    missing = _missing(lines, stock)
    if _short_lines(missing, stock):
        return
    change = OrderChange(order=order, type="confirmed", status=PLACED, actor=actor)
    reference = str(change.event)
    taken = [Movement(product, -n, n, "order", reference, actor) for product, n in missing.items()]
    inventory.move(taken, stock.balances, now=now)
    inventory.end_holds([order.id])
    book_sales(order, change.type, before=(), after=lines, now=now)
    write_changes([change], now=now)


def _missing(lines: Sequence[LineView], stock: LockedStock) -> dict[int, int]:
    """Returns the units by product that an order does not hold any more."""
    return {line.product: line.quantity for line in lines if line.product not in stock.held}


def _short_lines(missing: Mapping[int, int], stock: LockedStock) -> list[dict[str, Any]]:
    """Returns the lines that an order cannot get again, as a refusal has them."""
    return [
        {
            "code": HoldExpired.code,
            "product": product,
            "requested": units,
            "available": stock.balances[product].available,
        }
        for product, units in missing.items()
        if units > stock.balances[product].available
    ]
