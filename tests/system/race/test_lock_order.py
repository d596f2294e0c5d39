"""Orders and adjustments that share products, in every order of lines: there is no deadlock.

The guard is the order in which stock rows are locked.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest

from tests.conftest import Person
from tests.system.race.books import assert_agree, shelf
from tests.system.race.control import assert_breaks
from tests.system.race.shops import OK, Answer, Shop, at_once

STOCK = 1000


@dataclass
class Crossing:
    """Products in ascending order, and what was answered to orders of all of them."""

    products: list[int]
    answers: list[Answer]

    @property
    def codes(self) -> Counter[str]:
        """How often each code was answered."""
        return Counter(answer.code for answer in self.answers)


def cross(shop: Shop, who: Person, products: list[int], *, buyers: int, rounds: int) -> Crossing:
    """Half of the buyers name the products upwards, half downwards, several orders each."""
    shop.enter(who)

    def buyer(number: int) -> list[Answer]:
        named = products[:: -1 if number % 2 else 1]
        return [shop.place(who, [(one, 1) for one in named]) for _ in range(rounds)]

    answers = at_once(shop, [partial(buyer, number) for number in range(buyers)])
    return Crossing(products, [answer for own in answers for answer in own])


def check(outcome: Crossing) -> None:
    """Every order was placed, and the stock is exact."""
    assert outcome.codes == {OK: len(outcome.answers)}
    assert_agree(outcome.products)
    left = STOCK - len(outcome.answers)
    assert [shelf(one).available for one in outcome.products] == [left] * len(outcome.products)


def test_orders_with_their_lines_in_opposite_order_do_not_block_each_other(
    shop: Shop, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    products = [product(stock=STOCK) for _ in range(5)]
    check(cross(shop, person(), products, buyers=12, rounds=20))


def test_staff_at_work_on_the_same_products_is_no_part_of_a_ring(
    shop: Shop, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    products = [product(stock=STOCK) for _ in range(3)]
    who, staff = person(), person(is_staff=True)
    shop.enter(staff)

    def work() -> list[Answer]:
        return [
            answer
            for one in products[::-1] * 5
            for answer in (shop.reprice(staff, one, "9.99"), shop.adjust(staff, one, counted=STOCK))
        ]

    def buy() -> list[Answer]:
        return [shop.place(who, [(one, 1) for one in products]) for _ in range(10)]

    shop.enter(who)
    answers = [answer for own in at_once(shop, [work, work, *[buy] * 6]) for answer in own]
    assert Counter(answer.code for answer in answers) == {OK: 120}
    assert_agree(products)


@pytest.mark.parametrize("interface", ["service"], indirect=True)
def test_locked_in_any_order_they_do(
    unguarded: Callable[[str], Shop],
    person: Callable[..., Person],
    product: Callable[..., int],
) -> None:
    shop = unguarded("lock order")
    products = [product(stock=STOCK) for _ in range(3)]
    assert_breaks(
        lambda: cross(shop, person(), products, buyers=6, rounds=1),
        check,
        # PostgreSQL's deadlock; a server would try again.
        fault=lambda outcome: "OperationalError" in outcome.codes,
    )
