"""Concurrent equal requests with one key or one chosen id place one order.

The guard is the claim: it is written first, and the other requests find it through a unique index.
"""

from collections.abc import Callable
from functools import partial
from uuid import UUID

import pytest

from larder.core.ids import new_id
from tests.conftest import Person
from tests.system.race.books import assert_agree, orders_of, shelf
from tests.system.race.shops import OK, ServiceShop, at_once

TWINS = 24


@pytest.mark.parametrize(("key", "id"), [("tap", None), (None, new_id())], ids=["key", "id"])
def test_twenty_four_concurrent_equal_orders_are_placed_once(
    key: str | None,
    id: UUID | None,
    shop: ServiceShop,
    person: Callable[..., Person],
    product: Callable[..., int],
) -> None:
    jam = product(stock=100)
    answers = at_once(shop, [partial(shop.place, person(), [(jam, 3)], key=key, id=id)] * TWINS)
    assert {answer.code for answer in answers} == {OK}
    assert [answer.replayed for answer in answers].count(False) == 1
    assert all(answer.content == answers[0].content for answer in answers)
    assert orders_of(jam) == 1
    assert_agree([jam])
    assert shelf(jam).sold == 3


def test_the_key_of_a_refused_order_is_free_for_the_waiting_requests(
    shop: ServiceShop, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    jam, staff = product(stock=2), person(is_staff=True)
    place = partial(shop.place, person(), [(jam, 3)], key="waiting")
    refused = at_once(shop, [place] * TWINS)
    assert [answer.code for answer in refused] == ["insufficient_stock"] * TWINS
    shop.adjust(staff, jam, delta=1)
    assert {answer.code for answer in at_once(shop, [place] * TWINS)} == {OK}
    assert orders_of(jam) == 1
