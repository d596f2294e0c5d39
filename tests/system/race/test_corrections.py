"""Staff receive goods, count stock and archive products during many orders.

The guards are the lock on the stock rows, and the trigger that makes archiving take it.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from threading import Event

import pytest

from larder.db import database
from tests.conftest import Person
from tests.system.race.books import assert_agree, orders_of, shelf
from tests.system.race.customers import enter, few
from tests.system.race.shops import OK, Answer, ServiceShop, at_once

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
OPENING = 300
BUYERS, ORDERS = 12, 10


@dataclass
class Change:
    """A rush of single units with one adjustment in it."""

    product: int
    answers: list[Answer]
    adjusted: Answer
    delta: int | None = None
    counted: int | None = None

    @property
    def sold(self) -> int:
        """Units, by the answers that the buyers got."""
        return sum(answer.code == OK for answer in self.answers)


def rush_around(
    shop: ServiceShop,
    people: tuple[list[Person], Person],
    jam: int,
    *,
    delta: int | None = None,
    counted: int | None = None,
) -> Change:
    """Buyers order one unit after the other; when some have, staff adjusts."""
    customers, staff = people
    enter(shop, [*customers, staff])
    under_way = Event()

    def buyer(number: int) -> list[Answer]:
        who, own = customers[number % len(customers)], list[Answer]()
        for _ in range(ORDERS):
            own.append(shop.place(who, [(jam, 1)]))
            under_way.set()
        return own

    def adjust() -> list[Answer]:
        under_way.wait(30)
        return [shop.adjust(staff, jam, delta=delta, counted=counted)]

    buyers: list[Callable[[], list[Answer]]] = [partial(buyer, number) for number in range(BUYERS)]
    *bought, (adjusted,) = at_once(shop, [*buyers, adjust])
    return Change(jam, [one for own in bought for one in own], adjusted, delta, counted)


def check(outcome: Change) -> None:
    """Right to the unit: what was there, and came, is on the shelf or promised to a client."""
    codes = Counter(answer.code for answer in outcome.answers)
    assert codes.keys() <= {OK, "insufficient_stock"}, codes
    assert outcome.adjusted.code == OK
    assert_agree([outcome.product])
    there, (change, found) = shelf(outcome.product), entry(outcome.product)
    assert there.available == OPENING + change - outcome.sold
    assert there.committed == outcome.sold
    assert outcome.delta in (None, change)
    assert outcome.counted in (None, found)


def entry(product: int) -> tuple[int, int]:
    """The correction in the ledger: its change, and what was on the shelf after it."""
    found = database.rows(
        "SELECT available_change, available_after + committed_after FROM ledger_entry"
        " WHERE product_id = %s AND cause = 'correction'",
        [product],
    )
    return found[0][0], found[0][1]


@pytest.mark.parametrize("delta", [150, -120])
def test_a_correction_during_many_orders_is_exact(
    delta: int, shop: ServiceShop, person: MakePerson, product: MakeProduct
) -> None:
    people = few(person), person(is_staff=True)
    check(rush_around(shop, people, product(stock=OPENING), delta=delta))


def test_a_count_during_many_orders_is_exact(
    shop: ServiceShop, person: MakePerson, product: MakeProduct
) -> None:
    people = few(person), person(is_staff=True)
    check(rush_around(shop, people, product(stock=OPENING), counted=250))


def test_a_count_below_the_demand_sells_out(
    shop: ServiceShop, person: MakePerson, product: MakeProduct
) -> None:
    people = few(person), person(is_staff=True)
    outcome = rush_around(shop, people, product(stock=OPENING), counted=BUYERS * ORDERS - 20)
    check(outcome)
    assert (outcome.sold, shelf(outcome.product).available) == (BUYERS * ORDERS - 20, 0)


@dataclass
class Farewell:
    """A rush for a product that was archived in its middle; `placed_then` orders had been placed
    when the archiving was answered."""

    product: int
    answers: list[Answer]
    archived: Answer
    placed_then: int


def archive_amid(shop: ServiceShop, people: tuple[Person, Person], jam: int) -> Farewell:
    """Buyers keep ordering until the answer is that the product is gone."""
    who, staff = people
    shop.enter(who)
    shop.enter(staff)
    under_way = Event()

    def buyer() -> list[Answer]:
        own = [shop.place(who, [(jam, 1)])]
        while own[-1].code == OK and len(own) < OPENING:
            under_way.set()
            own.append(shop.place(who, [(jam, 1)]))
        return own

    def archive() -> list[Answer]:
        under_way.wait(30)
        archived = shop.archive(staff, jam)
        # This thread's own connection: a server's crowd has none in this process.
        ServiceShop().arrive()
        try:
            return [archived, Answer(OK, orders_of(jam))]
        finally:
            ServiceShop().leave()

    *bought, (archived, counted) = at_once(shop, [*[buyer] * BUYERS, archive])
    return Farewell(jam, [one for own in bought for one in own], archived, counted.content)


def check_farewell(outcome: Farewell) -> None:
    """Not one order more after the archiving was answered; all clients got the reason."""
    assert outcome.archived.code == OK
    assert orders_of(outcome.product) == outcome.placed_then
    codes = Counter(answer.code for answer in outcome.answers)
    assert codes == {OK: outcome.placed_then, "unknown_product": BUYERS}, codes
    assert_agree([outcome.product])


def test_no_order_is_placed_after_its_product_was_archived(
    shop: ServiceShop, person: MakePerson, product: MakeProduct
) -> None:
    people = person(), person(is_staff=True)
    check_farewell(archive_amid(shop, people, product(stock=BUYERS * OPENING)))
