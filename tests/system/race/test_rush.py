"""More buyers than units: exactly the units are sold. The guard is the lock on the stock rows."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from random import Random

from tests.conftest import Person
from tests.system.race.books import assert_agree, shelf
from tests.system.race.customers import enter, few
from tests.system.race.shops import OK, Answer, ServiceShop, at_once

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
UNITS = 20


@dataclass
class Rush:
    """What each buyer wanted of one product, and was answered."""

    product: int
    wanted: list[int]
    answers: list[Answer]

    @property
    def sold(self) -> int:
        """Units, by the answers that the buyers got."""
        answered = zip(self.wanted, self.answers, strict=True)
        return sum(units for units, answer in answered if answer.code == OK)


def rush(shop: ServiceShop, people: Sequence[Person], jam: int, wanted: list[int]) -> Rush:
    """All clients at once, each a number of units."""
    enter(shop, people)
    buyers = [
        partial(shop.place, who, [(jam, units)])
        for units, who in zip(wanted, cycle(people), strict=False)
    ]
    return Rush(jam, wanted, at_once(shop, buyers))


def check(outcome: Rush) -> None:
    """Not one more than there were; no order refused while there was enough for them."""
    codes = Counter(answer.code for answer in outcome.answers)
    assert codes.keys() <= {OK, "insufficient_stock"}, codes
    assert_agree([outcome.product])
    left = shelf(outcome.product).available
    assert left == UNITS - outcome.sold
    answered = zip(outcome.wanted, outcome.answers, strict=True)
    assert all(units > left for units, answer in answered if answer.code != OK)


def test_sixty_buyers_get_exactly_twenty_units(
    shop: ServiceShop, person: MakePerson, product: MakeProduct
) -> None:
    outcome = rush(shop, few(person), product(stock=UNITS), [1] * 60)
    check(outcome)
    assert Counter(answer.code for answer in outcome.answers) == {OK: 20, "insufficient_stock": 40}


def test_orders_of_several_units_share_twenty_among_them(
    shop: ServiceShop, person: MakePerson, product: MakeProduct
) -> None:
    wanted = Random(7).choices([1, 2, 3, 5, 8], k=40)  # noqa: S311
    check(rush(shop, few(person), product(stock=UNITS), wanted))


@dataclass
class Basketful:
    """Orders of several lines of scarce products, and how many units there were of each."""

    stock: dict[int, int]
    baskets: list[list[tuple[int, int]]]
    answers: list[Answer]

    @property
    def left(self) -> dict[int, int]:
        """Units there should be of each product, by the answers that the buyers got."""
        left = Counter(self.stock)
        for basket, answer in zip(self.baskets, self.answers, strict=True):
            for product, units in basket if answer.code == OK else ():
                left[product] -= units
        return dict(left)


def rush_with_baskets(
    shop: ServiceShop, people: Sequence[Person], stock: dict[int, int]
) -> Basketful:
    """Forty baskets of two or three of the products, one to three units a line, some twice. With
    three products, any two baskets share one."""
    enter(shop, people)
    chance = Random(11)  # noqa: S311

    def basket() -> list[tuple[int, int]]:
        products = chance.sample(list(stock), k=chance.randint(2, 3))
        products += products[: chance.randint(0, 1)]
        return [(product, chance.randint(1, 3)) for product in products]

    baskets = [basket() for _ in range(40)]
    each = zip(baskets, cycle(people), strict=False)
    answers = at_once(shop, [partial(shop.place, who, basket) for basket, who in each])
    return Basketful(stock, baskets, answers)


def check_baskets(outcome: Basketful) -> None:
    """Each basket is sold whole or not at all."""
    codes = Counter(answer.code for answer in outcome.answers)
    assert codes.keys() <= {OK, "insufficient_stock"}, codes
    assert_agree(outcome.stock)
    assert {product: shelf(product).available for product in outcome.stock} == outcome.left
    assert min(outcome.left.values()) >= 0


def test_orders_of_several_scarce_products_are_placed_completely_or_not_at_all(
    shop: ServiceShop, person: MakePerson, product: MakeProduct
) -> None:
    stock = {product(stock=units): units for units in (15, 20, 25)}
    check_baskets(rush_with_baskets(shop, few(person), stock))
