"""Two servers on one database, as on two machines: each has separate queues, so only the database
guards what both do.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from uuid import UUID

import pytest

from larder.core.ids import new_id
from tests.conftest import Person
from tests.server import Server
from tests.system.race.books import assert_agree, orders_of, shelf
from tests.system.race.control import assert_breaks
from tests.system.race.customers import few
from tests.system.race.shops import OK, Answer, answer_of, at_once, served
from tests.system.race.two_servers import TwoShops, place_all

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
UNITS = 20


@pytest.fixture
def two(transactional_db: None) -> Iterator[TwoShops]:
    """Two servers of two processes each."""
    with Server(workers=2) as first, Server(workers=2) as second:
        yield TwoShops(first, second)


def sold(wanted: list[list[tuple[int, int]]], answers: list[Answer]) -> int:
    """Units, by the answers that the buyers got."""
    pairs = zip(wanted, answers, strict=True)
    return sum(units for lines, answer in pairs if answer.code == OK for _, units in lines)


def test_sixty_buyers_at_two_servers_get_exactly_twenty_units(
    two: TwoShops, person: MakePerson, product: MakeProduct
) -> None:
    jam = product(stock=UNITS)
    answers = place_all(two, few(person), [[(jam, 1)]] * 60)
    assert Counter(answer.code for answer in answers) == {OK: UNITS, "insufficient_stock": 40}
    assert (shelf(jam).available, orders_of(jam)) == (0, UNITS)
    assert_agree([jam])


def test_crossing_orders_of_scarce_products_keep_stock_and_ledger_consistent(
    two: TwoShops, person: MakePerson, product: MakeProduct
) -> None:
    products, chance = [product(stock=30) for _ in range(6)], Random(4)  # noqa: S311
    baskets = [
        [(one, chance.randint(1, 3)) for one in chance.sample(products, 3)] for _ in range(80)
    ]
    answers = place_all(two, few(person), baskets)
    assert {answer.code for answer in answers} == {OK, "insufficient_stock"}
    assert sum(30 - shelf(one).available for one in products) == sold(baskets, answers)
    assert_agree(products)


@pytest.mark.parametrize("named", ["key", "id"])
def test_an_order_that_is_retried_at_both_servers_is_placed_once(
    named: str, two: TwoShops, person: MakePerson, product: MakeProduct
) -> None:
    jam, who = product(stock=100), person()
    for _ in range(3):
        asked: dict[str, str | UUID] = {named: new_id() if named == "id" else str(new_id())}
        before = orders_of(jam)
        answers = place_all(two, [who], [[(jam, 3)]] * 24, **asked)
        assert Counter(answer.code for answer in answers) == {OK: 24}
        assert [answer.replayed for answer in answers].count(False) == 1
        assert all(answer.content == answers[0].content for answer in answers)
        assert orders_of(jam) == before + 1
    assert_agree([jam])


def test_a_key_used_for_two_orders_at_two_servers_places_one(
    two: TwoShops, person: MakePerson, product: MakeProduct
) -> None:
    jam = product(stock=100)
    answers = place_all(two, [person()], [[(jam, 1)], [(jam, 2)]] * 8, key="one-key")
    assert Counter(answer.code for answer in answers) == {OK: 8, "idempotency_key_reused": 8}
    assert orders_of(jam) == 1
    assert_agree([jam])


@pytest.mark.parametrize("key", [None, "tap"])
def test_a_cart_that_is_submitted_at_both_servers_is_placed_once(
    key: str | None, two: TwoShops, person: MakePerson, product: MakeProduct
) -> None:
    jam, who = product(stock=100), person()
    two.enter(who)
    token = two.shops[0]._tokens[who.id]
    for _ in range(3):
        body = {"quantity": 2}
        put = two.server.call("PUT", f"cart/lines/{jam}", body, token=token)
        assert put.status == 200, put.body
        before = shelf(jam).sold
        headers = {} if key is None else {"Idempotency-Key": str(put.body["id"])}

        def submit(server: Server, headers: dict[str, str] = headers) -> Answer:
            return served(
                lambda: answer_of(
                    server.call("POST", "cart/submit", {}, token=token, headers=headers)
                )
            )

        crowd = [partial(submit, two.shops[number % 2].server) for number in range(12)]
        answers = at_once(two, crowd)
        codes = Counter(answer.code for answer in answers)
        if key is None:
            assert codes[OK] == 1, codes
            assert codes.keys() <= {OK, "cart_empty", "already_submitted"}, codes
        else:
            assert codes == {OK: 12}
        assert shelf(jam).sold == before + 2
    assert_agree([jam])


@pytest.mark.parametrize("guard", ["row locks", "any claim"])
def test_without_the_guards_of_the_database_two_servers_violate_each_guarantee(
    guard: str, transactional_db: None, person: MakePerson, product: MakeProduct
) -> None:
    """A queue in a process cannot make up for it."""
    options = {"WITHOUT": guard}
    entry = "tests.system.race.unguarded:application"
    with (
        Server(workers=2, application=entry, environment=options) as first,
        Server(workers=2, application=entry, environment=options) as second,
    ):
        two, people = TwoShops(first, second), few(person)

        def rush() -> tuple[int, int]:
            """How many orders too many were placed, and how many there might be."""
            jam = product(stock=UNITS)
            if guard == "row locks":
                answers = place_all(two, people, [[(jam, 1)]] * 60)
                return sum(answer.code == OK for answer in answers), UNITS
            place_all(two, people[:1], [[(jam, 1)]] * 12, key=str(new_id()))
            return orders_of(jam), 1

        def check(outcome: tuple[int, int]) -> None:
            assert outcome[0] <= outcome[1]

        assert_breaks(rush, check, fault=lambda outcome: outcome[0] > outcome[1], meet=2)
