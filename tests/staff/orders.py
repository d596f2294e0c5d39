"""Orders in the admin: placed with details, printed."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from larder.orders.decision import RequestedLine
from larder.orders.models import Order
from larder.orders.services.batches import place_order
from larder.orders.services.placing.placement import Placement, Terms
from tests.conftest import NOW, Person
from tests.staff.desk import Desk, Page

ORDERS = "orders/order/"


def printed(desk: Desk, kind: str, orders: Sequence[Order]) -> Page:
    chosen = [str(order.pk) for order in orders]
    return desk.post(ORDERS, {"action": f"print_{kind}", "_selected_action": chosen, "index": "0"})


@pytest.fixture
def place(product: Callable[..., int]) -> Callable[..., Order]:
    """Places an order with these details, `days` after NOW."""

    def placed(who: Person, *, days: int = 0, price: str = "2.25", **details: Any) -> Order:
        asked = Placement(
            customer=who.id,
            actor=who.customer.public_id,
            lines=[RequestedLine(product(price=price), 1)],
            **details,
        )
        at = NOW + timedelta(days=days)
        return Order.objects.get(
            id=place_order(asked, terms=Terms(currency="GBP"), now=at).order.id
        )

    return placed
