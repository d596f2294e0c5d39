"""More buyers than units: exactly the units are sold. The guard is the lock on the stock rows."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle
from random import Random

from tests.conftest import Person
from tests.system.race.books import assert_agree, shelf
from tests.system.race.shops import OK, Answer, Lines, ServiceShop, at_once

MakeProduct = Callable[..., int]
UNITS = 20


def rush(people: Sequence[Person], baskets: Sequence[Lines]) -> list[Answer]:
    """Order all baskets at once; a few customers share them. Checks that each was placed or was
    refused for lack of stock."""
    shop = ServiceShop()
    orders = [
        partial(shop.place, customer, basket)
        for basket, customer in zip(baskets, cycle(people), strict=False)
    ]
    answers = at_once(shop, orders)
    assert {answer.code for answer in answers} <= {OK, "insufficient_stock"}, answers
    return answers


def test_sixty_buyers_get_exactly_twenty_units(
    shop: ServiceShop, people: list[Person], product: MakeProduct
) -> None:
    jam = product(stock=UNITS)
    answers = rush(people, [[(jam, 1)]] * 60)
    assert Counter(answer.code for answer in answers) == {OK: 20, "insufficient_stock": 40}
    assert_agree([jam])


def test_orders_of_several_scarce_products_are_placed_completely_or_not_at_all(
    shop: ServiceShop, people: list[Person], product: MakeProduct
) -> None:
    """Forty baskets of two or three of the products, one to three units a line, some twice. With
    three products, any two baskets share one."""
    left = Counter({product(stock=units): units for units in (15, 20, 25)})
    chance = Random(11)  # noqa: S311

    def basket() -> list[tuple[int, int]]:
        products = chance.sample(list(left), k=chance.randint(2, 3))
        products += products[: chance.randint(0, 1)]
        return [(each, chance.randint(1, 3)) for each in products]

    baskets = [basket() for _ in range(40)]
    for lines, answer in zip(baskets, rush(people, baskets), strict=True):
        for each, units in lines if answer.code == OK else ():
            left[each] -= units
    assert_agree(left)
    assert {each: shelf(each).available for each in left} == left
    assert min(left.values()) >= 0
