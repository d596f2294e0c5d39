"""What the page of a customer shows beside the account."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from larder.db import database
from larder.identity.models import Address
from larder.orders.models import Order
from larder.staff.identity import customers
from tests.conftest import NOW, Person
from tests.staff.desk import Desk, allow
from tests.staff.orders import place

__all__ = ["place"]

Place = Callable[..., Order]
CUSTOMER = "identity/customer/"
SECTIONS = ("Saved addresses", "New order")


def page(who: Person) -> str:
    return f"{CUSTOMER}{who.id}/change/"


@pytest.fixture
def mary(person: Callable[..., Person], place: Place) -> Person:
    """A customer with a saved address and three orders: one is cancelled, one has expired."""
    mary = person("mary")
    for status in ("placed", "cancelled", "expired"):
        Order.objects.filter(pk=place(mary).pk).update(
            status=status,
            total=Decimal("7.5"),
            expires_at=NOW if status == "expired" else None,
        )
    Address.objects.create(
        customer=mary.customer, label="Office", line1="1 Quay", phone="0117 496", created_at=NOW
    )
    place(person("tom"))
    return mary


def test_the_page_shows_orders_their_sum_and_addresses(desk: Desk, mary: Person) -> None:
    shown = desk.get(page(mary))
    rows = shown.response.context["customer_orders"]["rows"]
    orders = Order.objects.filter(customer=mary.id).order_by("-placed_at", "-id")
    for row, order in zip(rows, orders, strict=True):
        assert f'href="/admin/orders/order/{order.pk}/change/">#{order.number}<' in row[0]
        assert "£7.50" in row[2]
    assert "1 order, £7.50, without cancelled and expired ones." in shown.text
    for text in ("Office", "1 Quay", "Phone 0117 496"):
        assert text in shown.text


def test_without_the_right_to_see_orders_the_page_has_none_of_it(
    person: Callable[..., Person], mary: Person
) -> None:
    clerk = Desk(allow(person(is_staff=True), "identity.view_customer"))
    text = clerk.get(page(mary)).text
    assert not [section for section in (*SECTIONS, "1 Quay", "#1<") if section in text]
    viewer = allow(person(is_staff=True), "identity.view_customer", "orders.view_order")
    text = Desk(viewer).get(page(mary)).text
    assert [section for section in SECTIONS if section in text] == ["Saved addresses"]


def test_only_the_last_orders_are_shown_and_added_up(
    desk: Desk, person: Callable[..., Person], place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, few = person(), desk.queries(page(person()))
    for day in range(21):
        moment = NOW + timedelta(days=day)
        Order.objects.filter(pk=place(who).pk).update(total=1, placed_at=moment)
    monkeypatch.setattr(customers, "MAX_SUMMED_ORDERS", 5)
    shown = desk.get(page(who))
    rows = shown.response.context["customer_orders"]["rows"]
    newest = Order.objects.order_by("-placed_at").values_list("number", flat=True)
    assert [row[0].split("#")[1].split("<")[0] for row in rows] == [str(n) for n in newest[:20]]
    assert "5 orders, £5.00" in shown.text
    assert "Only the last 5 orders are counted." in shown.text
    assert desk.queries(page(who)) == few


def test_the_page_of_a_new_customer_has_no_sections(desk: Desk) -> None:
    assert "Saved addresses" not in desk.get(f"{CUSTOMER}add/").text


def test_the_orders_of_a_customer_are_read_by_their_index(mary: Person) -> None:
    with transaction.atomic():
        # In a table of few rows a sort costs nothing.
        database.execute("SET LOCAL enable_sort = off")
        plan = customers._placed(mary.id)[:20].explain()
    assert "order_history" in plan
    assert "Sort" not in plan


def test_a_new_order_begins_with_the_customer(
    desk: Desk, person: Callable[..., Person], mary: Person
) -> None:
    address = f"orders/order/telephone/?customer={mary.id}"
    assert f'href="/admin/{address}"' in desk.get(page(mary)).text
    assert ">mary</option>" in desk.get(address).text
    seller = Desk(allow(person(is_staff=True), "orders.add_order", "orders.view_order"))
    assert ">mary<" not in seller.get(address).text
    assert desk.get("orders/order/telephone/?customer=x").status == 400
    assert desk.get("orders/order/telephone/?customer=999999").status == 200
