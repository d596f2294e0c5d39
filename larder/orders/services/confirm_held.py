"""Confirms orders that await their payment: on request, or by a payment that covers them.

An order keeps the units that are not released, and takes the others again if they are available:
all of them, or none.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from larder.inventory.services import holds
from larder.inventory.services import movements as inventory
from larder.inventory.services.holds import HeldByOrder
from larder.inventory.services.movements import Balance, Movement
from larder.orders.decision import take_again
from larder.orders.lifecycle import PLACED
from larder.orders.models import Order, OrderLine
from larder.orders.services.write_changes import OrderChange, write_changes


def confirm_paid(order: Order, *, actor: UUID, now: datetime) -> None:
    """Confirms a locked order that is pending or expired, and changes its row likewise. Writes
    nothing if units of it are gone.

    Locks the stock of the order.
    """
    rows = OrderLine.objects.filter(order_id=order.id)
    lines = dict(rows.values_list("product_id", "quantity"))
    locking = inventory.submit_lock_of_held(lines, [order.id])
    confirm_held([confirmation_of(order, actor)], [lines], *locking(), now=now)


def confirmation_of(order: Order, actor: UUID) -> OrderChange:
    """Returns the change that confirms a locked order."""
    return OrderChange(order=order, type="confirmed", status=PLACED, actor=actor)


def confirm_held(
    changes: Sequence[OrderChange],
    lines: Sequence[Mapping[int, int]],
    balances: Mapping[int, Balance],
    held: HeldByOrder,
    *,
    now: datetime,
) -> list[list[dict[str, Any]]]:
    """Confirms orders that are locked, as their stock is. `lines` are the units of each order by
    product, and `held` those that it still holds. Returns the lines that each cannot get; it is
    confirmed if there are none."""
    missing = [
        {id: units for id, units in wanted.items() if id not in held[one.order.id]}
        for one, wanted in zip(changes, lines, strict=True)
    ]
    shelf = {product: balance.available for product, balance in balances.items()}
    short = take_again(missing, shelf)
    moves = [
        Movement(product, -units, units, "order", str(one.event), one.actor)
        for one, lacks, gone in zip(changes, missing, short, strict=True)
        if not gone
        for product, units in lacks.items()
    ]
    inventory.move(moves, balances, now=now)
    confirmed = [one for one, gone in zip(changes, short, strict=True) if not gone]
    if confirmed:
        holds.end([one.order.id for one in confirmed])
        write_changes(confirmed, now=now)
    return short
