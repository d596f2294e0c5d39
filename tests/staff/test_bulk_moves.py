"""Many orders moved at once by staff, from the list of orders."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from larder.orders.models import Order, OrderEvent
from larder.orders.services.changes import change_order
from larder.orders.services.moves import cancel_order, pack_order
from larder.orders.services.placing.placement import Terms
from larder.staff.orders.moves import DONE_BEFORE
from tests.conftest import Person
from tests.staff.desk import Desk
from tests.staff.moving import place, select, status, stock, transition_request


def confirmed(desk: Desk, action: str, *orders: UUID) -> dict[str, Any]:
    """What the page that asks sends along."""
    sends = select(desk, action, *orders).response.context["page"].sends
    return {name: value for name, value in sends if name not in {"_selected_action", "action"}}


def test_many_orders_are_packed_shipped_and_delivered_at_once(
    desk: Desk, person: Callable[..., Person], order: UUID, jam: int
) -> None:
    other = place(person(), jam, 2)
    numbers = ", ".join(str(Order.objects.get(id=id).number) for id in (order, other))
    for action, done in (
        ("mark_packed", "packed"),
        ("mark_shipped", "shipped"),
        ("mark_delivered", "delivered"),
    ):
        sends = confirmed(desk, action, order, other)
        assert select(desk, action, order, other, **sends).messages == [
            f"Orders {numbers}: {done}."
        ]
    assert (status(order), status(other), stock(jam)) == ("delivered", "delivered", (4, 0))


def test_refused_orders_are_named_with_a_reason_and_others_are_moved(
    desk: Desk, person: Callable[..., Person], order: UUID, jam: int
) -> None:
    clerk = person(is_staff=True)
    changed, gone, packed = (place(person(), jam, 1) for _ in range(3))
    orders = (order, changed, gone, packed)
    sends = confirmed(desk, "mark_packed", *orders)
    change_order(
        transition_request(changed, clerk),
        terms=Terms(currency="GBP"),
        details={"note": "Ring twice"},
    )
    cancel_order(transition_request(gone, clerk))
    pack_order(transition_request(packed, clerk))
    messages = select(desk, "mark_packed", *orders, **sends).messages
    number = {order: Order.objects.get(id=order).number for order in orders}
    assert f"Order {number[order]}: packed." in messages
    both = f"Orders {number[changed]}, {number[gone]}: changed by another user"
    assert any(message.startswith(both) for message in messages)
    assert f"Order {number[packed]}: {DONE_BEFORE}" in messages
    assert [status(order) for order in orders] == ["packed", "placed", "cancelled", "packed"]


def test_an_action_sent_twice_moves_once_with_the_same_answer(desk: Desk, order: UUID) -> None:
    sends = confirmed(desk, "mark_packed", order)
    first, second = (select(desk, "mark_packed", order, **sends).messages for _ in range(2))
    assert first == second
    assert OrderEvent.objects.filter(order_id=order, type="packed").count() == 1


def test_an_action_without_the_shown_versions_moves_nothing(desk: Desk, order: UUID) -> None:
    page = select(desk, "mark_packed", order, confirmed="yes")
    assert "changed by another user" in page.messages[0]
    assert status(order) == "placed"
