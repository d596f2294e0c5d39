"""What a change of an order needs leave for: what comes to it, and nothing of what was promised."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Answer, Api, Person
from tests.v1.test_changing_orders import change, units
from tests.v1.test_moves import events, stock
from tests.v1.test_orders import faulty, place

Product = Callable[..., int]
MayNot = Callable[..., None]


@pytest.fixture
def who(person: Callable[..., Person]) -> Person:
    return person()


@pytest.fixture
def customer(who: Person, as_: Callable[[Person], Api]) -> Api:
    return as_(who)


def bar(who: Person, **fields: bool) -> None:
    for name, value in fields.items():
        setattr(who.customer, name, value)
    who.customer.save()


def test_who_may_not_order_any_more_can_add_no_new_product_either(
    who: Person, customer: Api, product: Product
) -> None:
    tea, jam = product(), product()
    placed = place(customer, (tea, 2))
    bar(who, may_order=False)
    refused = change(customer, placed, (tea, 1), (jam, 1))
    assert (refused.status, refused.body["code"]) == (403, "ordering_not_allowed")
    assert (stock(tea), stock(jam)) == ((8, 2), (10, 0))


def test_to_the_order_of_a_deactivated_customer_staff_add_nothing(
    who: Person, customer: Api, staff: Api, product: Product
) -> None:
    tea, jam = product(), product()
    placed = place(customer, (tea, 2))
    bar(who, is_active=False)
    for lines in ([(tea, 3)], [(tea, 2), (jam, 1)]):
        refused = change(staff, placed, *lines)
        assert (refused.status, refused.body["code"]) == (403, "ordering_not_allowed")
    assert change(staff, placed, (tea, 1)).status == 200


def test_a_change_and_an_order_refuse_a_deactivated_customer_alike(
    who: Person, customer: Api, product: Product
) -> None:
    tea = product()
    placed = place(customer, (tea, 2))
    bar(who, is_active=False)
    for refused in (change(customer, placed, (tea, 3)), place(customer, (tea, 1))):
        assert (refused.status, refused.body["code"]) == (401, "session_ended")


def test_a_least_total_that_was_raised_later_takes_no_note_away(
    customer: Api, product: Product, settings: Any
) -> None:
    tea, jam = product(price="2.00"), product(price="1.00")
    placed = place(customer, (tea, 2))
    settings.MIN_ORDER_TOTAL = 10
    noted = change(customer, placed, (tea, 2), note="Ring twice.")
    assert (noted.status, noted.body["note"]) == (200, "Ring twice.")
    same = change(customer, placed, (tea, 1), (jam, 2))
    assert (same.status, same.body["total"]) == (200, "4.00")
    assert change(customer, placed, (tea, 1), (jam, 3)).body["total"] == "5.00"


def test_a_total_that_falls_below_the_least_is_refused_with_the_least_of_today(
    customer: Api, product: Product, settings: Any
) -> None:
    tea = product(price="2.00")
    placed = place(customer, (tea, 4))
    for least, total in ((10, "6.00"), (7, "6.00")):
        settings.MIN_ORDER_TOTAL = least
        refused = change(customer, placed, (tea, 3))
        assert (refused.status, refused.body["code"]) == (409, "order_rule")
        assert (refused.body["total"], refused.body["minimum"]) == (total, f"{least}.00")


def test_an_expected_price_is_held_where_the_lines_stay_as_they_are_too(
    customer: Api, product: Product
) -> None:
    tea = product(price="2.00")
    placed = place(customer, (tea, 1))
    lines = [{"product": tea, "quantity": 1, "expected_price": "3.00"}]
    refused = change(customer, placed, lines=lines, note="Ring twice.")
    assert (refused.status, refused.body["code"]) == (409, "price_changed")
    assert len(events(customer, placed)) == 1


@pytest.fixture
def in_pounds(customer: Api, product: Product, settings: Any) -> tuple[Answer, int]:
    """An order of 4.00 pounds, of two units, in a shop that sells in yen since."""
    tea = product(price="2.00")
    placed = place(customer, (tea, 2))
    assert placed.body["currency"] == "GBP"
    settings.CURRENCY = "JPY"
    return placed, tea


def test_to_an_order_in_another_currency_no_new_line_is_added(
    customer: Api, product: Product, in_pounds: tuple[Answer, int]
) -> None:
    (placed, tea), jam, rice = in_pounds, product(price="3"), product(price="3")
    refused = change(customer, placed, (tea, 2), (jam, 1), (rice, 1))
    assert (refused.status, refused.body["code"]) == (409, "currency_changed")
    assert (refused.body["currency"], refused.body["offered"]) == ("GBP", "JPY")
    assert faulty(refused) == [("currency_changed", jam), ("currency_changed", rice)]
    assert customer("GET", placed.headers["Location"]).body == placed.body
    assert (stock(tea), stock(jam)) == ((8, 2), (10, 0))


def test_lines_that_an_order_in_another_currency_has_keep_their_price_in_it(
    customer: Api, in_pounds: tuple[Answer, int]
) -> None:
    placed, tea = in_pounds
    more = change(customer, placed, (tea, 3))
    assert (more.status, units(more)) == (200, [(tea, 3, "2.00")])
    assert (more.body["currency"], more.body["total"]) == ("GBP", "6.00")


def test_a_least_total_in_another_currency_is_not_held_against_the_order(
    customer: Api, in_pounds: tuple[Answer, int], settings: Any
) -> None:
    placed, tea = in_pounds
    settings.MIN_ORDER_TOTAL = 1000
    fewer = change(customer, placed, (tea, 1))
    assert (fewer.status, fewer.body["total"]) == (200, "2.00")


def test_a_cart_that_was_begun_before_is_shown_in_the_currency_it_would_be_placed_in(
    customer: Api, product: Product, settings: Any
) -> None:
    line = {"lines": [{"product": product(price="2.00"), "quantity": 2}]}
    customer("PUT", "cart", line)
    settings.CURRENCY = "JPY"
    assert customer("GET", "cart").body["currency"] == "JPY"
    assert customer("POST", "cart/submit").body["currency"] == "JPY"
