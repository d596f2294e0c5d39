"""Contract 3: many clients at once, at a real server; and the same without its guards.

The guards are the rows of stock being locked, the order they are locked in, and the lock of a
product's name.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count

import pytest

from larder.db import database
from tests.compat.conftest import ALL, Door, assert_books_balance
from tests.compat.documented import Documented
from tests.conftest import Person
from tests.http.conftest import token_for
from tests.server import Reply, Server
from tests.system.race.books import assert_agree, orders_of, shelf
from tests.system.race.control import assert_breaks
from tests.system.race.shops import HttpShop, at_once

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]

UNITS = 20
CLIENTS = 60


@pytest.fixture
def crowd(transactional_db: None, person: MakePerson) -> list[Person]:
    """Four customers."""
    return [person() for _ in range(4)]


@contextmanager
def without(guard: str) -> Iterator[Server]:
    """A server with one of tests.system.race.guards.REMOVALS taken out."""
    chosen = {"COMPAT": ALL, "WITHOUT": guard}
    with Server(
        application="tests.system.race.unguarded:application", environment=chosen
    ) as server:
        yield server


def send_at_once(server: Server, requests: Sequence[Callable[[], Reply]]) -> list[Reply]:
    """Everybody from the same line, each over a connection of their own."""
    return at_once(HttpShop(server), requests)


def client(server: Server, who: Person) -> Documented:
    return Documented("3", Door(server, f"Bearer {token_for(who)}"))


@dataclass
class Rush:
    """What everybody was answered who wanted a unit of each product."""

    products: list[int]
    replies: list[Reply]

    @property
    def statuses(self) -> Counter[int]:
        """How often each status was answered."""
        return Counter(reply.status for reply in self.replies)


def rush(server: Server, crowd: list[Person], products: list[int], clients: int) -> Rush:
    """Every other client names the products the other way round."""
    orders = []
    for number in range(clients):
        named = products[:: -1 if number % 2 else 1]
        body = {"products": [{"id": one, "quantity": 1} for one in named]}
        buyer = client(server, crowd[number % len(crowd)])
        orders.append(partial(buyer, "POST", "/api/order/", body))
    return Rush(products, send_at_once(server, orders))


def check(outcome: Rush) -> None:
    """What was taken is what was accepted, and there was nothing left for who was refused."""
    assert outcome.statuses.keys() <= {201, 400}, outcome.statuses
    assert_agree(outcome.products)
    for product in outcome.products:
        assert shelf(product).available == UNITS - outcome.statuses[201]
        assert orders_of(product) == outcome.statuses[201]
    assert_books_balance()


def test_sixty_clients_get_twenty_units_and_not_one_more(
    running: Server, crowd: list[Person], product: MakeProduct
) -> None:
    outcome = rush(running, crowd, [product(stock=UNITS)], CLIENTS)
    check(outcome)
    assert outcome.statuses == {201: UNITS, 400: CLIENTS - UNITS}
    refused = {tuple(reply.body) for reply in outcome.replies if reply.status == 400}
    assert refused == {("detail",)}


@pytest.mark.system
def test_without_the_locks_of_rows_more_is_sold_than_there_is(
    crowd: list[Person], product: MakeProduct
) -> None:
    with without("row locks") as server:
        assert_breaks(
            lambda: rush(server, crowd, [product(stock=UNITS)], CLIENTS),
            check,
            fault=lambda outcome: outcome.statuses[201] > UNITS,
        )


def test_products_named_in_opposite_order_block_nobody(
    running: Server, crowd: list[Person], product: MakeProduct
) -> None:
    for _ in range(3):
        outcome = rush(running, crowd, [product(stock=UNITS), product(stock=UNITS)], UNITS)
        check(outcome)
        assert outcome.statuses == {201: UNITS}


@pytest.mark.system
def test_with_rows_locked_in_any_order_they_do(crowd: list[Person], product: MakeProduct) -> None:
    with without("lock order and second tries") as server:
        assert_breaks(
            lambda: rush(server, crowd, [product(stock=UNITS) for _ in range(6)], 6),
            check,
            fault=lambda outcome: outcome.statuses[503] > 0,
        )


TAKEN = {"name": ["product with this name already exists."]}


@dataclass
class Names:
    """What was answered to those who wanted one name for their product."""

    name: str
    replies: list[Reply]

    @property
    def made(self) -> int:
        """How many were told that they have it."""
        return sum(reply.status in {200, 201} for reply in self.replies)

    @property
    def on_sale(self) -> int:
        """How many products have it."""
        ((found,),) = database.rows("SELECT count(*) FROM product WHERE name = %s", [self.name])
        return int(found)


def name_at_once(server: Server, boss: Person, name: str, renamed: Sequence[int]) -> Names:
    """Two new products, and some that are there already, are to have the same name."""
    staff = client(server, boss)
    body = {"name": name, "stock": 1}
    requests = [partial(staff, "POST", "/api/product/", body)] * 2
    requests += [partial(staff, "PUT", f"/api/product/{one}", body) for one in renamed]
    return Names(name, send_at_once(server, requests))


def check_names(outcome: Names) -> None:
    """One has it; the others were told who took it."""
    refused = [reply for reply in outcome.replies if reply.status not in {200, 201}]
    assert (outcome.made, outcome.on_sale) == (1, 1)
    assert all((reply.status, reply.body) == (400, TAKEN) for reply in refused)


def test_of_two_who_want_one_name_at_once_one_is_told_it_is_taken(
    running: Server, person: MakePerson, crowd: list[Person]
) -> None:
    boss = person(is_staff=True)
    for number in range(8):
        outcome = name_at_once(running, boss, f"Jam {number}", [])
        check_names(outcome)
        assert sorted(reply.status for reply in outcome.replies) == [201, 400]


def test_a_new_product_and_renamed_ones_do_not_get_one_name(
    running: Server, person: MakePerson, crowd: list[Person], product: MakeProduct
) -> None:
    boss = person(is_staff=True)
    for number in range(4):
        check_names(name_at_once(running, boss, f"Jam {number}", [product(), product()]))
    assert_books_balance()


@pytest.mark.system
def test_without_the_lock_of_the_name_both_get_it(person: MakePerson, crowd: list[Person]) -> None:
    boss = person(is_staff=True)
    names = (f"Jam {number}" for number in count())
    with without("name lock") as server:
        assert_breaks(
            lambda: name_at_once(server, boss, next(names), []),
            check_names,
            fault=lambda outcome: outcome.on_sale == 2,
        )


def test_of_many_who_want_one_name_for_themselves_one_gets_it(
    running: Server, crowd: list[Person], anyone: Door
) -> None:
    body = {"name": "Ann", "password": "a rather good one"}
    written = [body | {"name": name} for name in ("Ann", "ANN", "ann ", "aNN")]
    requests = [partial(anyone, "POST", "/api/register/", one) for one in written]
    for who in crowd:
        path = f"/api/user/{who.customer.public_id.hex}"
        requests.append(partial(client(running, who), "PUT", path, {"name": "Ann"}))
    replies = send_at_once(running, requests)
    assert sum(reply.status in {200, 201} for reply in replies) == 1
    taken = {"name": ["user with this name already exists."]}
    assert sum((reply.status, reply.body) == (400, taken) for reply in replies) == 7


def test_an_account_deleted_while_it_orders_leaves_books_that_balance(
    running: Server, crowd: list[Person], person: MakePerson, product: MakeProduct
) -> None:
    jam, boss = product(stock=UNITS), client(running, person(is_staff=True))
    body = {"products": [{"id": jam, "quantity": 1}]}
    requests = []
    for who in crowd:
        path = f"/api/user/{who.customer.public_id.hex}"
        requests += [partial(client(running, who), "POST", "/api/order/", body)] * 3
        requests.append(partial(boss, "DELETE", path))
    statuses = Counter(reply.status for reply in send_at_once(running, requests))
    assert statuses.keys() <= {200, 201, 401}
    assert statuses[200] == len(crowd)
    assert shelf(jam).available == UNITS - statuses[201]
    assert_books_balance()
