"""The search of orders in the admin and its limits."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from larder.catalog.models import Product
from larder.orders.models import Order
from larder.staff.orders import search as orders_search
from tests.conftest import NOW, Person
from tests.staff.desk import Desk, allow
from tests.staff.orders import ORDERS, place

__all__ = ["place"]

SHIP_TO = {
    "name": "Grace Hopper",
    "line1": "Hauptstraße 12",
    "city": "Bad Soden",
    "phone": "+49 (30) 123-4567",
}


@pytest.fixture
def desk(person: Callable[..., Person]) -> Desk:
    return Desk(person(is_staff=True, is_superuser=True))


@pytest.fixture
def hers(person: Callable[..., Person], place: Callable[..., Order]) -> Order:
    """An order to find, before one that must not be found."""
    who = person("g_hopper", email="amazing@navy.example", first_name="Gracie", last_name="Murray")
    order = place(who, ship_to=SHIP_TO, reference="PO-7788")
    place(person("tom"), ship_to={"name": "Tom", "line1": "1 High Street", "phone": "555"})
    return order


WORDS = ("race hop", "HOPPER", "straße 12", "aupts", "bad soden", "4567", "30123", "po-77", "-7788")
ACCOUNT = ("mazing@navy", "racie", "urra", "murray gracie")


def test_an_order_is_found_by_parts_of_words_of_its_customer_and_its_delivery(
    desk: Desk, hers: Order
) -> None:
    for term in (*WORDS, *ACCOUNT, "_hop", "g_hopper"):
        assert desk.get(ORDERS, q=term).rows == [hers], term


def test_a_search_finds_neither_names_of_fields_nor_words_of_different_orders(
    desk: Desk, hers: Order
) -> None:
    for term in ("nobody", "phone", "line1", "gracie tom", "%", "gr\\"):
        assert desk.get(ORDERS, q=term).rows == [], term


def test_an_order_is_found_without_accents_and_with_any_apostrophe(
    desk: Desk, person: Callable[..., Person], place: Callable[..., Order]
) -> None:
    order = place(person("m", last_name="Müller O’Connor"), ship_to={"city": "Köln"})
    for term in ("Müller", "muller", "MÜLL", "o'connor", "köln", "koln"):
        assert desk.get(ORDERS, q=term).rows == [order]


def test_an_order_is_found_by_a_part_of_a_sku_but_not_by_the_name_of_a_product(
    desk: Desk, hers: Order
) -> None:
    line = hers.lines.get()
    Product.objects.filter(id=line.product_id).update(sku="QX-4-ZZ", name="Marmalade")
    assert desk.get(ORDERS, q="x-4-z").rows == [hers]
    assert desk.get(ORDERS, q="marmalade").rows == []


def test_staff_who_may_not_see_customers_cannot_search_in_their_accounts(
    person: Callable[..., Person], hers: Order
) -> None:
    desk = Desk(allow(person(is_staff=True), "orders.view_order"))
    for term in ACCOUNT:
        assert desk.get(ORDERS, q=term).rows == [], term
    for shown in ("g_hopper", "hopper", "4567"):
        assert desk.get(ORDERS, q=shown).rows == [hers], shown


def test_a_deleted_account_is_not_found_by_its_name(desk: Desk, hers: Order) -> None:
    hers.customer.deleted_at, hers.customer.is_active = NOW, False
    hers.customer.may_order, hers.customer.email = False, ""
    hers.customer.save()
    assert desk.get(ORDERS, q="g_hopper").rows == []


def test_a_name_of_two_letters_is_found_as_a_word(
    desk: Desk, person: Callable[..., Person], place: Callable[..., Order]
) -> None:
    order = place(person("Al"))
    place(person("Alan"))
    assert desk.get(ORDERS, q="al").rows == [order]


def test_orders_are_filtered_by_days_amount_and_requested_day(
    desk: Desk, person: Callable[..., Person], place: Callable[..., Order]
) -> None:
    first = place(person(), price="10.00", requested_for=date(2026, 2, 1))
    second = place(person(), days=1, price="20.00", requested_for=date(2026, 2, 2))
    for parameters, orders in (
        ({"placed_at_from": "2026-01-03"}, [second]),
        ({"placed_at_to": "2026-01-02"}, [first]),
        ({"placed_at_from": "2026-01-02", "placed_at_to": "2026-01-03"}, [second, first]),
        ({"requested_for_from": "2026-02-02"}, [second]),
        ({"requested_for_to": "2026-02-01"}, [first]),
        ({"total_from": "10.01"}, [second]),
        ({"total_to": "10"}, [first]),
        ({"total_from": "10", "placed_at_from": "2026-01-03"}, [second]),
    ):
        assert desk.get(ORDERS, **parameters).rows == orders, parameters


@pytest.mark.parametrize(("language", "day"), [("en-gb", "03/01/2026"), ("de", "03.01.2026")])
def test_filters_take_what_their_fields_write_in_each_language(
    desk: Desk,
    person: Callable[..., Person],
    place: Callable[..., Order],
    language: str,
    day: str,
) -> None:
    place(person(), price="10.00", requested_for=date(2026, 1, 2))
    second = place(person(), days=1, price="20.00", requested_for=date(2026, 1, 3))
    desk.client.defaults["HTTP_ACCEPT_LANGUAGE"] = language
    for parameters in (
        {"placed_at_from": day, "placed_at_to": day},
        {"requested_for_from": day},
    ):
        page = desk.get(ORDERS, **parameters)
        assert page.rows == [second], parameters
        assert all(f'value="{value}"' in page.text for value in parameters.values())


@pytest.mark.parametrize("value", ["x", "9" * 40, "NaN", "-Infinity", "1e999999"])
def test_a_day_or_an_amount_that_cannot_be_read_is_refused(
    desk: Desk, hers: Order, value: str
) -> None:
    for name in ("placed_at_from", "placed_at_to", "requested_for_to"):
        assert desk.get(ORDERS, **{name: value}).status == 400
    assert desk.get(ORDERS, total_to=value).status in {200, 400}


@pytest.mark.parametrize("column", [2, 7, 8])
def test_orders_are_sorted_by_amount_day_and_requested_day(
    desk: Desk, person: Callable[..., Person], place: Callable[..., Order], column: int
) -> None:
    first = place(person(), price="10.00", requested_for=date(2026, 2, 1))
    second = place(person(), days=1, price="20.00", requested_for=date(2026, 2, 2))
    assert desk.get(ORDERS, o=str(column)).rows == [first, second]
    assert desk.get(ORDERS, o=f"-{column}").rows == [second, first]


@pytest.mark.parametrize(
    "parameters", [{"q": "hopper"}, {"total_from": "1"}, {"requested_for_from": "2026-01-01"}]
)
def test_filters_without_an_index_read_a_limited_number_of_newest_orders(
    desk: Desk,
    person: Callable[..., Person],
    place: Callable[..., Order],
    monkeypatch: pytest.MonkeyPatch,
    parameters: dict[str, str],
) -> None:
    monkeypatch.setattr(orders_search, "MAX_SEARCHED_ORDERS", 2)
    orders = [
        place(person(), days=day, ship_to=SHIP_TO, requested_for=date(2026, 2, 1))
        for day in range(3)
    ]
    page = desk.get(ORDERS, **parameters)
    assert page.rows == [orders[2], orders[1]]
    oldest = f"{NOW + timedelta(days=1):%d %b %Y, %H:%M}"
    assert f"Not all orders older than {oldest} were searched: choose days" in page.text
    until = {"placed_at_to": f"{NOW + timedelta(days=1):%Y-%m-%d}"}
    page = desk.get(ORDERS, **parameters, **until)
    assert page.rows == [orders[1], orders[0]]
    assert "Not all orders" not in page.text
    for column, rows, is_limited in (("7", 2, True), ("2", 3, False)):
        page = desk.get(ORDERS, o=column)
        assert len(page.rows) == rows
        assert ("Not all orders" in page.text) == is_limited


def test_a_search_finds_the_newest_orders(
    desk: Desk,
    person: Callable[..., Person],
    place: Callable[..., Order],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(orders_search, "MAX_FOUND_ORDERS", 2)
    who = person("ada_l")
    orders = [place(who, days=day, ship_to=SHIP_TO) for day in range(3)]
    for term in ("ada_l", "hopper"):
        assert desk.get(ORDERS, q=term).rows == [orders[2], orders[1]]
