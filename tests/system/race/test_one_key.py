"""Concurrent equal requests with one key, whose claim a refusal frees (the others are in
test_batches.py)."""

from collections.abc import Callable
from functools import partial

from tests.conftest import Person
from tests.system.race.books import shelf
from tests.system.race.shops import OK, ServiceShop, at_once

TWINS = 24


def test_the_key_of_a_refused_order_is_free_for_the_waiting_requests(
    shop: ServiceShop, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    jam, staff = product(stock=2), person(is_staff=True)
    place = partial(shop.place, person(), [(jam, 3)], key="waiting")
    refused = at_once(shop, [place] * TWINS)
    assert [answer.code for answer in refused] == ["insufficient_stock"] * TWINS
    shop.adjust(staff, jam, delta=1)
    assert {answer.code for answer in at_once(shop, [place] * TWINS)} == {OK}
    assert shelf(jam).sold == 3
