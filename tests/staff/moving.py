"""Places orders for the tests of the admin, and reads what became of them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from larder.inventory.models import Stock
from larder.orders.decision import RequestedLine
from larder.orders.models import Order
from larder.orders.services.batches import place_order
from larder.orders.services.placing.placement import Placement, Terms
from larder.orders.services.transitions import TransitionRequest
from tests.conftest import NOW, Person
from tests.staff.desk import Desk

ORDERS = "orders/order/"
LATER = NOW + timedelta(minutes=1)


def place(who: Person, product: int, quantity: int) -> UUID:
    placement = Placement(
        customer=who.id, actor=who.customer.public_id, lines=[RequestedLine(product, quantity)]
    )
    return place_order(placement, terms=Terms(currency="GBP"), now=NOW).order.id


def transition_request(order: UUID, who: Person) -> TransitionRequest:
    return TransitionRequest(order=order, caller=who.caller, now=LATER)


def stock(product: int) -> tuple[int, int]:
    row = Stock.objects.get(product_id=product)
    return row.available, row.committed


def short(product: int, quantity: str, rest: str = "missing") -> dict[str, str]:
    """The fields of a line of which fewer units were picked."""
    return {f"line-{product}-quantity": quantity, f"line-{product}-rest": rest}


def status(order: UUID) -> str:
    return Order.objects.get(id=order).status


def offered(desk: Desk, order: UUID) -> set[str]:
    """The moves whose buttons the order's page has."""
    text = desk.get(f"{ORDERS}{order}/change/").text
    moves = ("confirm", "pack", "ship", "deliver", "return", "cancel", "edit")
    return {move for move in moves if f"/admin/{ORDERS}{order}/{move}/" in text}


def select(desk: Desk, action: str, *orders: UUID, **more: Any) -> Any:
    chosen = {"action": action, "_selected_action": [str(order) for order in orders], "index": "0"}
    return desk.post(ORDERS, {**chosen, **more})
