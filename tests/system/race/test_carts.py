"""One cart on several phones: no unit is lost, no set of lines is mixed, no cart is placed twice.

The guard is the lock of the customer's row, under which each change is decided
(test_row_locks.py).
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial

import pytest

from larder.orders.queries.carts import CartVersion
from tests.conftest import Person
from tests.system.race.books import assert_agree, shelf
from tests.system.race.phones import PHONES, Phone, codes
from tests.system.race.shops import OK, Answer, ServiceShop, at_once

MakePhone = Callable[[], Phone]
MakeProduct = Callable[..., int]
SHOP = ServiceShop()

pytestmark = pytest.mark.django_db(transaction=True)


def test_concurrent_first_units_fill_one_cart(phone: MakePhone, product: MakeProduct) -> None:
    for _ in range(3):
        customer, jam, tea = phone(), product(), product()
        answers = at_once(SHOP, [partial(customer.add, jam), partial(customer.add, tea)] * 8)
        assert codes(answers) == {OK: 16}
        assert len({answer.content for answer in answers}) == 1
        assert customer.units() == {jam: 8, tea: 8}


def test_phones_with_the_etag_of_no_cart_begin_one_cart_in_total(
    phone: MakePhone, product: MakeProduct
) -> None:
    """Also when that cart is deleted and submitted meanwhile."""
    for _ in range(3):
        customer, products = phone(), [product() for _ in range(PHONES)]

        def end_often(end: Callable[[], Answer]) -> None:
            for _ in range(5):
                end()

        no_cart = CartVersion(None, 0)
        tasks: list[Callable[[], Answer | None]] = [
            *(partial(customer.put, (each, 1), expected=no_cart) for each in products),
            *([partial(end_often, end) for end in (customer.delete, customer.submit)] * 3),
        ]
        begun = [answer for answer in at_once(SHOP, tasks) if answer is not None]
        assert codes(begun) == {OK: 1, "precondition_failed": PHONES - 1}


@pytest.mark.parametrize("key", [None, "one key"])
def test_concurrent_submissions_of_a_cart_place_one_order(
    key: str | None, phone: MakePhone, product: MakeProduct
) -> None:
    """With a key, all phones get the order as the answer; without it, there is no cart for the
    others."""
    for _ in range(3):
        customer, jam = phone(), product(stock=50)
        customer.put((jam, 2))
        answers = at_once(SHOP, [partial(customer.submit, key)] * PHONES)
        placed = [answer for answer in answers if answer.code == OK]
        assert [answer.replayed for answer in placed].count(False) == 1
        assert len({answer.content for answer in placed}) == 1
        if key:
            assert codes(answers) == {OK: PHONES}
        else:
            assert codes(answers) == {OK: 1, "cart_empty": PHONES - 1}
        assert shelf(jam).sold == 2
        assert_agree([jam])


def test_one_of_several_carts_with_the_last_unit_is_placed(
    person: Callable[..., Person], product: MakeProduct, now: datetime
) -> None:
    jam, tea = product(stock=1), product(stock=99)
    phones = [Phone(person(), now) for _ in range(16)]
    for number, customer in enumerate(phones):
        customer.put(*[(jam, 1), (tea, 1)][:: -1 if number % 2 else 1])
    answers = at_once(SHOP, [customer.submit for customer in phones])
    assert codes(answers) == {OK: 1, "insufficient_stock": 15}
    assert (shelf(jam).available, shelf(tea).available) == (0, 98)
    assert_agree([jam, tea])
