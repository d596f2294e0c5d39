"""Reading orders: pages, single orders, lines and drafts."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest

from larder.compat.contract4 import order_or_cart
from larder.core.errors import NotFound
from larder.core.parts import Part
from larder.db import database
from larder.orders import queries
from larder.orders.decision import RequestedLine
from larder.orders.queries import OrderFilter, OrderView
from larder.orders.services.batches import place_order
from larder.orders.services.cart import add_unit, ensure_cart
from larder.orders.services.placing.placement import ExpectedCart, Placement, Terms
from tests.conftest import Api, Person
from tests.database import before
from tests.http.conftest import token_for

GBP = Terms(currency="GBP")
ORDERS_READ = 'FROM "order" WHERE "order"."customer_id" ='
MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]

pytestmark = pytest.mark.django_db(transaction=True)


def place(who: Person, *lines: tuple[int, int], at: datetime, **details: Any) -> OrderView:
    """Places an order of (product, quantity) lines at a time."""
    requested = [RequestedLine(*line) for line in lines]
    asked = Placement(customer=who.id, actor=who.customer.public_id, lines=requested, **details)
    return place_order(asked, terms=GBP, now=at).order


def numbers(orders: list[OrderView]) -> list[int]:
    """Returns the numbers of the orders, in the same order."""
    return [order.number for order in orders]


def whole(parts: Iterable[Part[OrderView]]) -> list[Any]:
    """The orders of all parts."""
    return [row for part in parts for row in part.rows]


def test_a_page_is_ordered_by_time_or_by_number(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    """The first draft is placed last: the lowest number has the latest time."""
    who, jam = person(), product()
    add_unit(who.id, jam, now=now)
    second, third = (place(who, (jam, 1), at=now + timedelta(hours=h)) for h in (1, 2))
    first = place(who, at=now + timedelta(hours=3), cart=ExpectedCart())
    place(person(), (jam, 1), at=now)
    ensure_cart(who.id, now=now)

    def page(offset: int, limit: int | None, *, newest_first: bool) -> list[int]:
        parts = queries.page(who.id, newest_first=newest_first, offset=offset, limit=limit)
        return numbers(whole(parts))

    by_time = numbers([first, third, second])
    assert page(0, None, newest_first=True) == by_time
    assert page(0, None, newest_first=False) == sorted(by_time)
    assert page(1, 1, newest_first=True) == by_time[1:2]
    assert page(2, 5, newest_first=False) == sorted(by_time)[2:]
    assert page(3, 5, newest_first=True) == []
    assert queries.count(OrderFilter(customer=who.id)) == 3


def test_orders_with_the_same_time_are_ordered_by_id(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam = person(), product()
    ids = [place(who, (jam, 1), at=now).id for _ in range(5)]
    read = [row.id for row in whole(queries.page(who.id, newest_first=True, offset=0, limit=9))]
    assert read == sorted(ids, reverse=True)


def test_a_page_of_any_length_is_read_with_two_statements(
    person: MakePerson,
    product: MakeProduct,
    now: datetime,
    django_assert_num_queries: Callable[[int], Any],
) -> None:
    who, jam = person(), product()
    for _ in range(4):
        place(who, (jam, 1), at=now)
    with django_assert_num_queries(2):
        assert len(whole(queries.page(who.id, newest_first=False, offset=0, limit=None))) == 4


def test_a_page_by_number_never_reads_the_orders_of_all_customers(
    person: MakePerson, django_assert_num_queries: Callable[[int], Any]
) -> None:
    """Also without sorting the plan does not use the index of all numbers."""
    who = person()
    with django_assert_num_queries(1) as asked:
        whole(queries.page(who.id, newest_first=False, offset=0, limit=10))
    database.execute("SET enable_sort = off")
    try:
        plan = database.rows(f"EXPLAIN {asked.captured_queries[0]['sql']}")
    finally:
        database.execute("RESET enable_sort")
    assert "order_number_key" not in str(plan)
    assert "Sort" in str(plan)


def test_an_order_is_found_by_number_by_its_owner_once_it_is_placed(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam = person(), product()
    draft = add_unit(who.id, jam, now=now)
    order = place(who, (jam, 2), at=now)
    assert queries.by_number(order.number, customer=who.id) == order
    for number, asking in ((order.number, person().id), (draft, who.id), (2**70, who.id)):
        with pytest.raises(NotFound):
            queries.by_number(number, customer=asking)


def test_all_orders_of_a_customer_include_the_draft(
    person: MakePerson, product: MakeProduct, now: datetime, settings: Any
) -> None:
    who, other, jam = person(), person(), product()
    first = place(who, (jam, 1), at=now)
    draft = add_unit(who.id, jam, now=now)
    add_unit(other.id, jam, now=now)
    third = place(who, (jam, 1), at=now)
    settings.ROOT_URLCONF = "larder.compat.contract4"
    orders = Api(token_for(who))("GET", "/orders/").body
    assert [order["id"] for order in orders] == [first.number, draft, third.number]
    assert [order["submitted_at"] is None for order in orders] == [False, True, False]
    for number in (first.number, draft):
        assert order_or_cart(number, customer=who.id).number == number
        with pytest.raises(NotFound):
            order_or_cart(number, customer=other.id)


def test_a_draft_placed_during_the_read_is_in_the_list_once(
    person: MakePerson, product: MakeProduct, now: datetime, settings: Any
) -> None:
    """The draft is placed between the two reads."""
    settings.ROOT_URLCONF = "larder.compat.contract4"
    who, jam = person(), product()
    client = Api(token_for(who))
    number = add_unit(who.id, jam, now=now)
    with before(ORDERS_READ, lambda: place(who, at=now, cart=ExpectedCart())):
        listed = client("GET", "/orders/").body
    assert [order["id"] for order in listed] == [number]


def test_lines_are_exported_one_by_one_with_the_newest_orders_first(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam, tea = person(), product(price="1.50"), product(price="2.205")
    later = now + timedelta(hours=1)
    place(who, (tea, 3), (jam, 1), at=now)
    place(who, (jam, 2), (tea, 1), at=later)
    place(person(), (jam, 1), at=now)
    add_unit(who.id, jam, now=now)
    answers = queries.line_history(who.id, offset=0, limit=9)
    assert [(line.product, line.quantity, line.placed_at) for line in answers] == [
        *((jam, 2, later), (tea, 1, later)),
        *((tea, 3, now), (jam, 1, now)),
    ]
    assert [str(line.line_total) for line in answers] == ["3.000", "2.205", "6.615", "1.500"]
    assert queries.line_history(who.id, offset=1, limit=2) == answers[1:3]
    assert queries.count_lines(who.id) == 4


def test_a_line_keeps_the_id_from_placing(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam, tea = person(), product(), product()
    order = place(who, (tea, 1), (jam, 1), at=now)
    ids = [line.id for line in order.lines]
    assert ids == sorted(set(ids))
    assert queries.order(order.id, customer=who.id) == order
