"""Contract 1 with everybody at once, through the live server; and without the guards.

The negative controls run the same crowds on a server with one guard taken out and see the very
fault that the guard prevents.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

import pytest

from tests.compat.conftest import ALL, Door
from tests.conftest import Person
from tests.http.conftest import token_for
from tests.server import Reply, Server
from tests.system.race.books import assert_agree, orders_of, shelf
from tests.system.race.control import assert_breaks
from tests.system.race.shops import HttpShop, at_once

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
Lines = Sequence[tuple[int, int]]


def place(door: Door, lines: Lines, id: str = "") -> Reply:
    """Places (product, quantity) under an id, or a new one."""
    body = {"products": [{"id": product, "quantity": quantity} for product, quantity in lines]}
    return door("POST", f"/api/orders/{id or uuid4()}/", body)


@dataclass(frozen=True, slots=True)
class Crowd:
    """What everybody was answered who came at once for these products."""

    replies: list[Reply]
    products: Sequence[int]

    @property
    def statuses(self) -> Counter[int]:
        """How often each was answered."""
        return Counter(reply.status for reply in self.replies)


def rush(door: Door, orders: Sequence[tuple[Lines, str]]) -> Crowd:
    """All these orders at once, each over a connection of its own."""
    tasks = [partial(place, door, lines, id) for lines, id in orders]
    products = sorted({product for lines, _ in orders for product, _ in lines})
    return Crowd(at_once(HttpShop(door.server), tasks), products)


@pytest.fixture
def unguarded(transactional_db: None, person: MakePerson) -> Iterator[Callable[[str], Door]]:
    """A customer at a server without one of the guards: `unguarded("row locks")`."""
    with ExitStack() as servers:

        def take_out(guard: str) -> Door:
            environment = {"WITHOUT": guard, "COMPAT": ALL}
            entry = "tests.system.race.unguarded:application"
            server = Server(application=entry, environment=environment)
            return Door(servers.enter_context(server), f"Bearer {token_for(person())}")

        yield take_out


def eight_for_three(door: Door, product: MakeProduct) -> Crowd:
    """Eight orders of one unit each for a stock of three."""
    jam = product(stock=3)
    return rush(door, [([(jam, 1)], "")] * 8)


def check_three_sold(crowd: Crowd) -> None:
    assert crowd.statuses == {201: 3, 400: 5}
    assert shelf(crowd.products[0]).available == 0
    assert_agree(crowd.products)
    assert orders_of(crowd.products[0]) == 3


def test_eight_orders_of_one_share_a_stock_of_three(shopper: Door, product: MakeProduct) -> None:
    for _ in range(5):
        check_three_sold(eight_for_three(shopper, product))


@pytest.mark.system
def test_without_the_row_locks_more_than_three_are_sold(
    unguarded: Callable[[str], Door], product: MakeProduct
) -> None:
    door = unguarded("row locks")
    assert_breaks(
        lambda: eight_for_three(door, product),
        check_three_sold,
        fault=lambda crowd: crowd.statuses[201] > 3,
    )


def equals(door: Door, product: MakeProduct) -> Crowd:
    """One order, sent eight times at once, for all there is."""
    jam = product(stock=2)
    return rush(door, [([(jam, 2)], str(uuid4()))] * 8)


def check_one_placed(crowd: Crowd) -> None:
    assert crowd.statuses == {201: 1, 200: 7}
    assert len({str(reply.body) for reply in crowd.replies}) == 1
    assert shelf(crowd.products[0]).available == 0
    assert_agree(crowd.products)
    assert orders_of(crowd.products[0]) == 1


def test_of_equal_orders_at_once_one_is_201_and_the_others_200(
    shopper: Door, product: MakeProduct
) -> None:
    for _ in range(5):
        check_one_placed(equals(shopper, product))


@pytest.mark.system
def test_without_the_claim_of_the_id_a_twin_is_refused_or_fails(
    unguarded: Callable[[str], Door], product: MakeProduct
) -> None:
    door = unguarded("any claim")
    assert_breaks(
        lambda: equals(door, product),
        check_one_placed,
        fault=lambda crowd: crowd.statuses[200] < 7,
    )


def test_one_id_with_two_contents_at_once_is_placed_with_one_of_them(
    shopper: Door, product: MakeProduct
) -> None:
    jam, id = product(stock=100), str(uuid4())
    crowd = rush(shopper, [([(jam, 1)], id), ([(jam, 2)], id)] * 4)
    assert crowd.statuses == {201: 1, 200: 3, 409: 4}
    taken = {reply.body["products"][0]["quantity"] for reply in crowd.replies if reply.status < 300}
    assert len(taken) == 1
    assert shelf(jam).available == 100 - taken.pop()


def test_one_id_of_two_customers_at_once_is_one_of_theirs(
    anyone: Door, person: MakePerson, product: MakeProduct
) -> None:
    jam, id = product(stock=100), str(uuid4())
    doors = [Door(anyone.server, f"Bearer {token_for(person())}") for _ in range(2)]
    tasks = [partial(place, door, [(jam, 1)], id) for door in doors * 4]
    statuses = Counter(reply.status for reply in at_once(HttpShop(anyone.server), tasks))
    assert statuses == {201: 1, 200: 3, 404: 4}
    assert shelf(jam).available == 99


def opposite(door: Door, product: MakeProduct) -> Crowd:
    """Orders of A and B, and of B and A, at once; there is enough for all."""
    jam, tea = product(stock=100), product(stock=100)
    return rush(door, [([(jam, 1), (tea, 1)], ""), ([(tea, 1), (jam, 1)], "")] * 8)


def check_all_placed(crowd: Crowd) -> None:
    assert crowd.statuses == {201: 16}
    assert [shelf(product).available for product in crowd.products] == [84, 84]
    assert_agree(crowd.products)


def test_baskets_in_opposite_order_are_all_placed(shopper: Door, product: MakeProduct) -> None:
    for _ in range(3):
        check_all_placed(opposite(shopper, product))


@pytest.mark.system
def test_without_the_order_of_locks_opposite_baskets_wait_for_each_other(
    unguarded: Callable[[str], Door], product: MakeProduct
) -> None:
    door = unguarded("lock order and second tries")
    assert_breaks(
        lambda: opposite(door, product),
        check_all_placed,
        fault=lambda crowd: max(crowd.statuses) >= 500,
    )


def test_readers_and_buyers_at_once_see_no_fault(shopper: Door, product: MakeProduct) -> None:
    jam = product(stock=20)
    reads = [partial(shopper, "GET", path) for path in ("/api/products/", "/api/orders/")] * 5
    buys = [partial(place, shopper, [(jam, 1)]) for _ in range(20)]
    replies = at_once(HttpShop(shopper.server), [*reads, *buys])
    assert Counter(reply.status for reply in replies) == {200: 10, 201: 20}
    assert shelf(jam).available == 0
