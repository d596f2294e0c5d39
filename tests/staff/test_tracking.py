"""Carrier and tracking number in the admin."""

from collections.abc import Callable

import pytest

from larder.orders.models import Order
from tests.conftest import NOW, Person
from tests.staff.desk import Desk
from tests.staff.orders import ORDERS, place, printed

__all__ = ["place"]

POST = {"carrier": "Royal Mail", "tracking_number": "AB123456785GB"}
Place = Callable[..., Order]


@pytest.fixture
def desk(person: Callable[..., Person]) -> Desk:
    return Desk(person(is_staff=True, is_superuser=True))


@pytest.fixture
def packed(person: Callable[..., Person], place: Place, desk: Desk) -> Order:
    order = place(person())
    place(person())
    desk.save(f"{ORDERS}{order.pk}/pack/")
    return order


def tracking(order: Order) -> dict[str, str]:
    order.refresh_from_db()
    return {name: getattr(order, name) for name in POST}


def test_staff_ship_an_order_with_a_number_and_correct_it(desk: Desk, packed: Order) -> None:
    shipped = desk.save(f"{ORDERS}{packed.pk}/ship/", **POST)
    assert (tracking(packed), shipped.status) == (POST, 200)
    facts = shipped.response.context["facts"]
    assert (facts["Carrier"], facts["Tracking number"]) == tuple(POST.values())
    assert desk.open(f"{ORDERS}{packed.pk}/track/").items() >= POST.items()
    corrected = desk.save(f"{ORDERS}{packed.pk}/track/", carrier="DHL")
    assert tracking(packed) == {**POST, "carrier": "DHL"}
    last, before, *_ = corrected.response.context["timeline"]["events"]
    assert last["what"] == "Tracking corrected"
    assert last["details"] == ["Carrier: “DHL” instead of “Royal Mail”."]
    assert before["details"] == ["Carrier: Royal Mail.", "Tracking number: AB123456785GB."]


def test_an_invisible_character_is_refused_at_its_field(desk: Desk, packed: Order) -> None:
    page = desk.save(f"{ORDERS}{packed.pk}/ship/", carrier="Royal\u200bMail")
    assert page.errors["carrier"] == ["Control and invisible characters are not allowed."]
    assert (tracking(packed)["carrier"], packed.status) == ("", "packed")


def test_many_orders_are_shipped_without_a_number(desk: Desk, packed: Order) -> None:
    sends = {"action": "mark_shipped", "_selected_action": [str(packed.pk)], "confirmed": "yes"}
    seen = {"index": "0", "form_key": "one", f"seen-{packed.pk}": str(packed.version + 1)}
    desk.post(ORDERS, sends | seen)
    assert tracking(packed) == dict.fromkeys(POST, "")
    assert packed.status == "shipped"


@pytest.mark.parametrize("term", ["AB123456785GB", "ab123456785gb", "3456785"])
def test_an_order_is_found_by_its_tracking_number(desk: Desk, packed: Order, term: str) -> None:
    Order.objects.filter(pk=packed.pk).update(**POST)
    assert desk.get(ORDERS, q=term).rows == [packed]


def test_a_whole_tracking_number_of_digits_is_found_among_all_orders(
    desk: Desk, packed: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("larder.staff.orders.search.MAX_SEARCHED_ORDERS", 1)
    old = Order.objects.filter(pk=packed.pk)
    old.update(tracking_number="00340434161094015902", placed_at=NOW.replace(year=2020))
    assert desk.get(ORDERS, q="00340434161094015902").rows == [packed]


def test_the_packing_slip_has_carrier_and_number(desk: Desk, packed: Order) -> None:
    Order.objects.filter(pk=packed.pk).update(**POST)
    text = printed(desk, "packing_slips", [packed]).text
    assert all(value in text for value in POST.values())
