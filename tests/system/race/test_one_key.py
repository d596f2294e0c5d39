"""Concurrent equal requests with one key or one chosen id place one order.

The guard is the claim: it is written first, and the other requests find it through a unique index.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from larder.core.ids import new_id
from tests.conftest import Person
from tests.system.race.books import assert_agree, orders_of, shelf
from tests.system.race.shops import OK, Answer, ServiceShop, at_once

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
TWINS = 24


@dataclass
class Storm:
    """One order of three units sent by all clients, and what each was answered."""

    product: int
    answers: list[Answer]
    orders: int


def send_at_once(
    shop: ServiceShop,
    who: Person,
    jam: int,
    *,
    twins: int = TWINS,
    **named: Any,
) -> Storm:
    """The same order many times, with a key or an id."""
    shop.enter(who)
    place = partial(shop.place, who, [(jam, 3)], **named)
    answers = at_once(shop, [place] * twins)
    return Storm(jam, answers, orders_of(jam))


def check(outcome: Storm) -> None:
    """One order; the same answer for all; one of them was the first."""
    assert {answer.code for answer in outcome.answers} == {OK}
    assert outcome.orders == 1
    assert [answer.replayed for answer in outcome.answers].count(False) == 1
    first = outcome.answers[0].content
    assert all(answer.content == first for answer in outcome.answers)
    assert_agree([outcome.product])
    assert shelf(outcome.product).sold == 3


@pytest.mark.parametrize(("key", "id"), [("tap", None), (None, new_id())], ids=["key", "id"])
def test_twenty_four_concurrent_equal_orders_are_placed_once(
    key: str | None, id: UUID | None, shop: ServiceShop, person: MakePerson, product: MakeProduct
) -> None:
    check(send_at_once(shop, person(), product(stock=100), key=key, id=id))


@dataclass
class Refused:
    """Twins of an order that was short, what they were answered, and what came afterwards."""

    product: int
    during: list[Answer]
    after: list[Answer]


def send_too_much(shop: ServiceShop, who: Person, staff: Person, jam: int) -> Refused:
    """Twins of one key want three of two; then one more arrives, and they try again."""
    shop.enter(who)
    shop.enter(staff)
    place = partial(shop.place, who, [(jam, 3)], key="waiting")
    during = at_once(shop, [place] * TWINS)
    shop.adjust(staff, jam, delta=1)
    return Refused(jam, during, at_once(shop, [place] * TWINS))


def check_refused(outcome: Refused) -> None:
    """Each twin was refused by itself; none of them held the key."""
    codes = Counter(answer.code for answer in outcome.during)
    assert codes == {"insufficient_stock": TWINS}, codes
    check(Storm(outcome.product, outcome.after, orders_of(outcome.product)))


def test_the_key_of_a_refused_order_is_free_for_the_waiting_requests(
    shop: ServiceShop, person: MakePerson, product: MakeProduct
) -> None:
    check_refused(send_too_much(shop, person(), person(is_staff=True), product(stock=2)))


def test_new_stock_is_sold_to_one_of_the_concurrent_equal_requests(
    shop: ServiceShop, person: MakePerson, product: MakeProduct
) -> None:
    """Those before it are refused, the next is placed, the rest repeat that one."""
    jam, who, staff = product(stock=2), person(), person(is_staff=True)
    shop.enter(who)
    shop.enter(staff)
    place = partial(shop.place, who, [(jam, 3)], key="lucky")
    tasks = [*[place] * 12, partial(shop.adjust, staff, jam, delta=1), *[place] * 12]
    answers = at_once(shop, tasks)
    assert answers.pop(12).code == OK
    codes = Counter(answer.code for answer in answers)
    assert codes.keys() <= {OK, "insufficient_stock"}, codes
    assert place().code == OK
    assert [answer.replayed for answer in answers if answer.code == OK].count(False) <= 1
    assert orders_of(jam) == 1
    assert_agree([jam])
