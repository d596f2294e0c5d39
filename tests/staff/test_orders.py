"""Orders in the admin can be viewed and not edited."""

import re
from collections.abc import Callable
from uuid import UUID

import pytest

from larder.orders.decision import RequestedLine
from larder.orders.models import Order, OrderEvent, OrderLine
from larder.orders.queries import sales
from larder.orders.services.batches import place_order
from larder.orders.services.placing.placement import Placement, Terms
from larder.orders.sql.sales import COUNT_BY_STATUS
from tests.conftest import NOW, Person
from tests.database import analyze, generic_plan
from tests.orders import large_orders
from tests.staff.desk import Desk

ORDERS = "orders/order/"
TAB = re.compile(r'(.*) <span class="tab-count">(.*)</span>')


@pytest.fixture
def desk(person: Callable[..., Person]) -> Desk:
    return Desk(person(is_staff=True, is_superuser=True))


@pytest.fixture
def place(product: Callable[..., int]) -> Callable[..., UUID]:
    """Places an order: `place(customer, quantity=2)`; returns its id."""

    def placed(who: Person, *, quantity: int = 2, price: str = "2.25") -> UUID:
        asked = Placement(
            customer=who.id,
            actor=who.customer.public_id,
            lines=[RequestedLine(product(price=price), quantity)],
        )
        return place_order(asked, terms=Terms(currency="GBP"), now=NOW).order.id

    return placed


def test_an_order_is_shown_with_its_lines_its_history_and_its_money(
    desk: Desk, person: Callable[..., Person], place: Callable[..., UUID]
) -> None:
    who = person("mary smith")
    order = place(who, quantity=3, price="2.255")
    text = desk.get(f"{ORDERS}{order}/change/").text
    line = OrderLine.objects.get()
    for shown in (line.sku, line.name, "£2.255", "£6.765", "mary smith"):
        assert shown in text
    assert '<strong class="text-important">Placed</strong> by mary smith' in text
    assert "02 Jan 2026, 03:04" in text


def test_an_address_is_shown_as_on_a_parcel(
    desk: Desk, person: Callable[..., Person], place: Callable[..., UUID]
) -> None:
    order = place(person("mary smith"))
    assert "No address." in desk.get(f"{ORDERS}{order}/change/").text
    address = {"phone": "0117 1", "country": "GB", "city": "Bristol", "name": "Mary", "region": ""}
    Order.objects.update(ship_to=address)
    country = "<div><span data-country>GB</span></div>"
    lines = f"<div>Mary</div><div>Bristol</div>{country}<div>Phone 0117 1</div>"
    assert lines in desk.get(f"{ORDERS}{order}/change/").text


def test_an_order_can_be_neither_added_nor_changed_nor_deleted(
    desk: Desk, person: Callable[..., Person], place: Callable[..., UUID]
) -> None:
    order = place(person())
    assert "Order for a customer" in desk.get(f"{ORDERS}add/").text
    assert desk.post(f"{ORDERS}{order}/change/", {"total": "0"}).status == 403
    assert desk.post(f"{ORDERS}{order}/delete/", {"post": "yes"}).status == 403
    chosen = {"action": "delete_selected", "_selected_action": [str(order)], "post": "yes"}
    desk.post(ORDERS, chosen)
    assert (Order.objects.count(), OrderEvent.objects.count()) == (1, 1)


def test_orders_are_found_by_number_id_and_customer_without_regard_to_case(
    desk: Desk, person: Callable[..., Person], place: Callable[..., UUID]
) -> None:
    mary, tom = person("Mary"), person("4711")
    hers, his = place(mary), place(tom)
    number = Order.objects.get(id=hers).number
    for term in (str(number), f"#{number}", str(hers), hers.hex, "mary", " MARY "):
        assert [row.pk for row in desk.get(ORDERS, q=term).rows] == [hers]
    assert [row.pk for row in desk.get(ORDERS, q="4711").rows] == [his]
    for term in ("0", "9" * 30, "nobody", "%", "²"):
        assert desk.get(ORDERS, q=term).rows == []


def test_each_tab_shows_its_orders_as_many_as_it_counts(
    desk: Desk, person: Callable[..., Person]
) -> None:
    large_orders.fill(person(), 5, NOW, lines=1)
    packed, *_ = Order.objects.values_list("pk", flat=True)
    Order.objects.filter(pk=packed).update(status="packed")
    expected: dict[str, set[str]] = {
        name: set() for name in ("On the way", "Delivered", "Cancelled")
    }
    expected |= {"All": {"placed", "packed"}, "To pack": {"placed"}, "To ship": {"packed"}}
    shown: dict[str, set[str]] = {}
    *tabs, refunds = desk.get(ORDERS).response.context["tab_list"][0]["items"]
    assert refunds["link"] == "/admin/orders/refunddue/"
    for tab in tabs:
        ((title, number),) = TAB.findall(tab["title"])
        rows = desk.get(tab["link"].removeprefix("/admin/")).rows
        assert len(rows) == int(number)
        shown[title] = {row.status for row in rows}
    assert shown == expected


def test_a_tab_counts_a_range_of_an_index_that_ends_at_its_limit(
    person: Callable[..., Person],
) -> None:
    large_orders.fill(person(), 60, NOW, lines=1)
    for status, number in (("delivered", 40), ("packed", 10)):
        placed = Order.objects.filter(status="placed").values_list("id", flat=True)
        Order.objects.filter(id__in=list(placed[:number])).update(status=status)
    assert sales.count_by_status(["placed", "packed"], limit=7)["placed"].orders == 7
    analyze("order")
    plan = generic_plan(COUNT_BY_STATUS % ("$1", "$2"))
    assert "Index Only Scan using order_by_status" in plan
    assert plan.index("Limit") < plan.index("order_by_status")


@pytest.mark.parametrize("term", ["\0", "placed\0"])
def test_a_query_with_a_nul_is_an_empty_answer_or_a_refusal_but_no_server_error(
    desk: Desk, term: str
) -> None:
    assert desk.get(ORDERS, q=term).status in {200, 400}
    assert desk.get(ORDERS, status__exact=term).status in {200, 400}


def test_an_order_that_was_changed_often_is_shown_with_its_last_events(
    desk: Desk, person: Callable[..., Person]
) -> None:
    large_orders.fill(person(), 1, NOW)
    large_orders.change(60)
    order = Order.objects.get().id
    text = desk.get(f"{ORDERS}{order}/change/").text
    assert text.count("1,000 lines changed.") == 50
    assert "Only the last 50 events and internal notes are shown." in text
    assert " instead of " not in text
