"""A change of an order needs permission for added units, and not for those that it has."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.conftest import Answer, Api, Person
from tests.v1.changing import change, units
from tests.v1.moving import events, stock
from tests.v1.placing import faulty, place

Product = Callable[..., int]


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


def test_staff_cannot_add_units_to_an_order_of_a_deactivated_customer(
    who: Person, customer: Api, staff: Api, product: Product
) -> None:
    tea, jam = product(), product()
    placed = place(customer, (tea, 2))
    bar(who, is_active=False)
    for lines in ([(tea, 3)], [(tea, 2), (jam, 1)]):
        refused = change(staff, placed, *lines)
        assert (refused.status, refused.body["code"]) == (403, "ordering_not_allowed")
    assert change(staff, placed, (tea, 1)).status == 200


def test_a_raised_minimum_total_does_not_refuse_a_change_of_the_note(
    customer: Api, product: Product, settings: Any
) -> None:
    tea, jam = product(price="2.00"), product(price="1.00")
    placed = place(customer, (tea, 2))
    settings.MIN_ORDER_TOTAL = Decimal(10)
    noted = change(customer, placed, (tea, 2), note="Ring twice.")
    assert (noted.status, noted.body["note"]) == (200, "Ring twice.")
    same = change(customer, placed, (tea, 1), (jam, 2))
    assert (same.status, same.body["total"]) == (200, "4.00")
    assert change(customer, placed, (tea, 1), (jam, 3)).body["total"] == "5.00"


def test_an_expected_price_is_checked_also_for_unchanged_lines(
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
    """An order of two units for 4.00 pounds in a shop that sells in yen now."""
    tea = product(price="2.00")
    placed = place(customer, (tea, 2))
    assert placed.body["currency"] == "GBP"
    settings.CURRENCY = "JPY"
    return placed, tea


def test_an_order_in_another_currency_gets_no_new_line(
    customer: Api, product: Product, in_pounds: tuple[Answer, int]
) -> None:
    (placed, tea), jam, rice = in_pounds, product(price="3"), product(price="3")
    refused = change(customer, placed, (tea, 20), (jam, 1), (rice, 1))
    assert (refused.status, refused.body["code"]) == (409, "currency_changed")
    assert (refused.body["currency"], refused.body["offered"]) == ("GBP", "JPY")
    foreign = [("currency_changed", jam), ("currency_changed", rice)]
    assert faulty(refused) == [*foreign, ("insufficient_stock", tea)]
    assert customer("GET", placed.headers["Location"]).body == placed.body
    assert (stock(tea), stock(jam)) == ((8, 2), (10, 0))


def test_lines_of_an_order_in_another_currency_keep_their_price(
    customer: Api, in_pounds: tuple[Answer, int]
) -> None:
    placed, tea = in_pounds
    more = change(customer, placed, (tea, 3))
    assert (more.status, units(more)) == (200, [(tea, 3, "2.00")])
    assert (more.body["currency"], more.body["total"]) == ("GBP", "6.00")


def test_the_minimum_total_does_not_apply_to_another_currency(
    customer: Api, in_pounds: tuple[Answer, int], settings: Any
) -> None:
    placed, tea = in_pounds
    settings.MIN_ORDER_TOTAL = Decimal(1000)
    fewer = change(customer, placed, (tea, 1))
    assert (fewer.status, fewer.body["total"]) == (200, "2.00")


def test_an_earlier_cart_is_shown_in_the_current_currency(
    customer: Api, product: Product, settings: Any
) -> None:
    line = {"lines": [{"product": product(price="2.00"), "quantity": 2}]}
    customer("PUT", "cart", line)
    settings.CURRENCY = "JPY"
    assert customer("GET", "cart").body["currency"] == "JPY"
    assert customer("POST", "cart/submit").body["currency"] == "JPY"
