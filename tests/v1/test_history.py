"""The history of orders: pages, filters, what staff see."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from larder.orders.models import Order, OrderLine
from tests.conftest import Api, Person
from tests.v1.placing import place
from tests.v1.reading import walk

Product = Callable[..., int]


def numbers(api: Api, query: str = "") -> list[int]:
    return [row["number"] for row in api("GET", f"orders{query}").body["results"]]


def at_one_moment(moment: datetime) -> None:
    Order.objects.update(placed_at=moment)
    OrderLine.objects.update(placed_at=moment)


def test_the_newest_order_comes_first(customer: Api, product: Product) -> None:
    jam = product(stock=99)
    placed = [place(customer, (jam, 1)).body["number"] for _ in range(3)]
    assert numbers(customer) == placed[::-1]


def test_the_history_is_counted_only_on_request(customer: Api, product: Product) -> None:
    jam = product(stock=99)
    place(customer, (jam, 1)), place(customer, (jam, 1))
    assert "count" not in customer("GET", "orders").body
    assert customer("GET", "orders?count=true&limit=1").body["count"] == 2


def test_the_history_is_filtered_by_status_and_time(customer: Api, product: Product) -> None:
    jam = product(stock=99)
    first, second, third = (place(customer, (jam, 1)).body for _ in "123")
    assert numbers(customer, "?status=placed") == [o["number"] for o in (third, second, first)]
    assert numbers(customer, "?status=shipped") == []
    after, before = quote(first["placed_at"]), quote(third["placed_at"])
    both = f"?placed_after={after}&placed_before={before}"
    assert numbers(customer, both) == [second["number"]]
    moment = datetime.fromisoformat(first["placed_at"]) + timedelta(hours=2)
    elsewhere = quote(moment.isoformat().replace("+00:00", "+02:00"))
    assert numbers(customer, f"?placed_after={elsewhere}") == [third["number"], second["number"]]


@pytest.mark.parametrize("moment", ["2026-01-01", "2026-01-01T00:00:00", "yesterday", "12:00Z"])
def test_a_time_without_a_time_zone_is_refused(customer: Api, moment: str) -> None:
    for name in ("placed_after", "placed_before"):
        refused = customer("GET", f"orders?{name}={moment}")
        assert [fault["pointer"] for fault in refused.body["errors"]] == [name]


def test_the_next_link_keeps_the_filters_of_the_history(customer: Api, product: Product) -> None:
    jam = product(stock=99)
    placed = [place(customer, (jam, 1)).body for _ in range(5)]
    after = quote(placed[1]["placed_at"])
    orders = walk(customer, f"orders?placed_after={after}&status=placed&limit=1")
    assert orders == placed[:1:-1]


def test_staff_see_orders_of_all_customers_with_filters_and_else_their_own(
    staff: Api, as_: Callable[[Person], Api], person: Callable[..., Person], product: Product
) -> None:
    who, other, jam, tea = person(), person(), product(stock=99), product(stock=99)
    of_one = place(as_(who), (jam, 1)).body["number"]
    of_other = place(as_(other), (jam, 1), (tea, 1)).body["number"]
    own = place(staff, (tea, 1)).body["number"]
    queries = {
        "": [own],
        f"?customer={who.id}": [of_one],
        f"?number={of_other}": [of_other],
        f"?product={jam}": [of_other, of_one],
        f"?product={tea}": [own, of_other],
        f"?product={tea}&customer={other.id}": [of_other],
        f"?customer={who.id}&number={of_other}": [],
        "?customer=9223372036854775807": [],
    }
    assert {query: numbers(staff, query) for query in queries} == queries


def test_customers_see_only_their_orders_and_cannot_use_filters_of_staff(
    customer: Api, as_: Callable[[Person], Api], person: Callable[..., Person], product: Product
) -> None:
    other, jam = person(), product(stock=99)
    of_other = place(as_(other), (jam, 1)).body["number"]
    own = place(customer, (jam, 1)).body["number"]
    for query in ("", "?status=placed", "?placed_after=2000-01-01T00:00:00Z"):
        assert numbers(customer, query) == [own], query
    for query in (f"customer={other.id}", f"number={of_other}", f"product={jam}"):
        refused = customer("GET", f"orders?{query}")
        assert (refused.status, refused.body["code"]) == (403, "not_staff"), query


def in_statuses(*orders: tuple[dict[str, Any], str]) -> None:
    for order, status in orders:
        Order.objects.filter(pk=order["id"]).update(status=status)


def test_a_filter_by_several_statuses_returns_one_sorted_list(
    staff: Api, customer: Api, product: Product
) -> None:
    jam, tea = product(stock=99), product(stock=99)
    sold = [place(customer, (jam, 1), (tea, 1)).body for _ in range(4)]
    sold.append(place(staff, (jam, 1)).body)
    first, second, third, fourth, own = (order["number"] for order in sold)
    in_statuses((sold[0], "shipped"), (sold[1], "packed"), (sold[3], "shipped"))
    queries = {
        "?status=placed,packed": [third, second],
        "?status=packed,placed,packed": [third, second],
        "?status=shipped,packed,delivered": [fourth, second, first],
        "?status=placed,packed,shipped,delivered,cancelled,returned": [
            *(fourth, third, second, first)
        ],
    }
    assert {query: numbers(customer, query) for query in queries} == queries
    assert numbers(staff, "?status=placed,packed") == [own, third, second]
    assert numbers(staff, f"?status=placed,packed&product={tea}") == [third, second]
    assert numbers(staff, f"?status=placed,packed&number={first}") == []
    assert customer("GET", "orders?status=placed,packed&count=true&limit=1").body["count"] == 2


def test_the_pages_of_several_statuses_neither_repeat_nor_skip(
    customer: Api, product: Product, now: datetime
) -> None:
    jam = product(stock=99)
    sold = [place(customer, (jam, 1), ship_to={"city": "Bath"}).body for _ in range(9)]
    in_statuses(*zip(sold, ["packed", "shipped", "returned"] * 3, strict=True))
    at_one_moment(now)
    query = "orders?status=shipped,packed"
    expected = customer("GET", f"{query}&limit=100").body["results"]
    assert len(expected) == 6
    assert [row["id"] for row in expected] == sorted((row["id"] for row in expected), reverse=True)
    assert walk(customer, f"{query}&limit=2") == expected
    file = customer("GET", query.replace("orders", "orders.csv")).body.decode().splitlines()
    assert len(file) == 1 + len(expected)


@pytest.mark.parametrize("status", ["", "lost", "placed,", "placed,lost", "placed;packed", "draft"])
def test_an_unknown_status_is_refused(customer: Api, status: str) -> None:
    refused = customer("GET", f"orders?status={status}")
    assert refused.status == 400
    assert [(fault["pointer"], fault["code"]) for fault in refused.body["errors"]] == [
        ("status", "unknown_value")
    ]


def test_an_order_is_found_by_its_reference(
    staff: Api, as_: Callable[[Person], Api], person: Callable[..., Person], product: Product
) -> None:
    """The reference must match exactly, and customers find only their orders."""
    hers, other, jam = as_(person()), as_(person()), product(stock=99)
    referred = [("PO 7", hers), ("PO 7", hers), ("PO 7", other), ("po 7", hers), ("", hers)]
    sold = [place(who, (jam, 1), reference=text).body["number"] for text, who in referred]
    assert numbers(hers, "?reference=PO%207") == [sold[1], sold[0]]
    assert numbers(other, "?reference=PO%207") == [sold[2]]
    assert numbers(staff, "?reference=PO%207") == [sold[2], sold[1], sold[0]]
    assert numbers(staff, f"?reference=PO%207&product={jam}&status=placed,packed") == [
        *(sold[2], sold[1], sold[0])
    ]
    assert numbers(hers, "?reference=PO") == numbers(hers, "?reference=PO%207&status=shipped") == []
    orders = walk(hers, "orders?reference=PO%207&limit=1")
    assert [order["number"] for order in orders] == [sold[1], sold[0]]


@pytest.mark.parametrize("reference", ["", "x" * 201, "%00"])
def test_an_invalid_reference_is_refused(customer: Api, reference: str) -> None:
    refused = customer("GET", f"orders?reference={reference}")
    assert [fault["pointer"] for fault in refused.body["errors"]] == ["reference"]


def test_an_unchanged_page_of_the_history_is_answered_with_304(
    customer: Api, product: Product
) -> None:
    place(customer, (product(), 1))
    tag = customer("GET", "orders").headers["ETag"]
    assert customer("GET", "orders", If_None_Match=tag).status == 304


def test_events_are_listed_in_pages_oldest_first(
    customer: Api, product: Product, now: datetime
) -> None:
    placed = place(customer, (product(), 1))
    order = Order.objects.get(pk=placed.body["id"])
    for status in ("packed", "shipped"):
        fields: dict[str, Any] = {"from_status": "", "to_status": status, "at": now}
        order.events.create(type=status, actor=order.customer.public_id, **fields)
    path = f"orders/{placed.body['id']}/events"
    types = [event["type"] for event in walk(customer, f"{path}?limit=1")]
    assert types == ["placed", "packed", "shipped"]
