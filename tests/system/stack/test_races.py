"""The races of tests/system/race, through nginx to two servers behind PgBouncer."""

from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest

from larder.core.ids import new_id
from tests.conftest import Person
from tests.system.race.shops import OK, HttpShop, at_once
from tests.system.stack.front_door import FrontDoor

MakePerson = Callable[[], Person]
MakeProduct = Callable[[int], int]
UNITS, BUYERS, CUSTOMERS = 20, 60, 12


def left(front: FrontDoor, product: int, staff: str) -> int:
    return int(front.call("GET", f"products/{product}", token=staff).body["quantity"])


def test_sixty_concurrent_buyers_get_exactly_twenty_units(
    shop: HttpShop,
    front: FrontDoor,
    customer: MakePerson,
    product: MakeProduct,
    staff: Callable[[], str],
) -> None:
    people = [customer() for _ in range(CUSTOMERS)]
    for one in people:
        shop.enter(one)
    for _ in range(3):
        jam = product(UNITS)
        tasks = [
            partial(shop.place, people[number % CUSTOMERS], [(jam, 1)]) for number in range(BUYERS)
        ]
        answers = at_once(shop, tasks)
        codes = Counter(answer.code for answer in answers)
        assert codes == {OK: UNITS, "insufficient_stock": BUYERS - UNITS}
        assert left(front, jam, staff()) == 0


@pytest.mark.parametrize("by", ["key", "id"])
def test_sixty_concurrent_equal_orders_are_placed_once(
    by: str,
    shop: HttpShop,
    front: FrontDoor,
    customer: MakePerson,
    product: MakeProduct,
    staff: Callable[[], str],
) -> None:
    jam, who = product(100), customer()
    shop.enter(who)
    named = {"key": "one-tap"} if by == "key" else {"id": new_id()}
    place = partial(shop.place, who, [(jam, 3)], **named)
    answers = at_once(shop, [place] * BUYERS)
    assert Counter(answer.code for answer in answers) == {OK: BUYERS}
    assert [answer.replayed for answer in answers].count(False) == 1
    assert len({answer.content["id"] for answer in answers}) == 1
    assert left(front, jam, staff()) == 97
