"""Confirms an order that awaits its payment, in the transaction that records the payment."""

from datetime import datetime
from uuid import UUID

from larder.core.ids import new_id
from larder.inventory.services import holds
from larder.inventory.services import movements as inventory
from larder.orders.decision import take_again
from larder.orders.lifecycle import PLACED
from larder.orders.models import Order, OrderLine
from larder.orders.services.hold_ends import HoldEnd, end_holds


def confirm_paid(order: Order, *, actor: UUID, now: datetime) -> bool:
    """Confirms a locked order that is pending or expired, and changes its row likewise. Takes the
    units again that were released. Returns False, and writes nothing, if some of them are gone.

    Locks the stock of the order.
    """
    rows = OrderLine.objects.filter(order_id=order.id)
    lines = dict(rows.values_list("product_id", "quantity"))
    balances = inventory.lock(lines)
    held = holds.submit_held([order.id])()[order.id]
    lacks = {product: units for product, units in lines.items() if product not in held}
    shelf = {product: balance.available for product, balance in balances.items()}
    (short,) = take_again([lacks], shelf)
    if short:
        return False
    event = new_id()
    moves = [
        inventory.Movement(product, -units, units, "order", str(event), actor)
        for product, units in lacks.items()
    ]
    inventory.move(moves, balances, now=now)
    end_holds([HoldEnd(order, event, actor)], PLACED, "confirmed", now=now)
    return True
