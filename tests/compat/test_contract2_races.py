"""Contract 2: many clients at once, at a real server; and the same without its guards.

The guards are the lock of the rows of stock, for ordering and for shipping, the order they are
locked in, and the compare-and-swap of refresh tokens.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import pytest

from larder.catalog import queries as catalog
from larder.core.clock import now
from larder.db import database
from larder.http.authentication import signer
from larder.identity.services import sessions
from larder.identity.services.sessions import Credentials
from larder.identity.token_policies import IDENTITY
from tests.compat.conftest import ALL, Door, assert_books_balance
from tests.conftest import Person
from tests.http.conftest import token_for
from tests.server import Reply, Server
from tests.system.race.books import assert_agree, orders_of, shelf
from tests.system.race.control import assert_breaks
from tests.system.race.shops import OK, Answer, HttpShop, ServiceShop, answered, at_once

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]

UNITS = 20
CLIENTS = 60
SHORT = "Requested quantity is not available."


@pytest.fixture
def crowd(transactional_db: None, person: MakePerson) -> list[Person]:
    """Customers, and one who may ship."""
    return [*(person() for _ in range(3)), person(is_staff=True)]


@contextmanager
def without(guard: str) -> Iterator[Server]:
    """A server with one of tests.system.race.guards.REMOVALS taken out."""
    chosen = {"COMPAT": ALL, "WITHOUT": guard}
    with Server(
        application="tests.system.race.unguarded:application", environment=chosen
    ) as server:
        yield server


def client(server: Server, who: Person) -> Door:
    return Door(server, f"Bearer {token_for(who)}")


def order(server: Server, who: Person, products: Sequence[int]) -> Callable[[], Reply]:
    """A unit of each."""
    named = catalog.public_ids(products)
    items = [{"product": str(named[product]), "quantity": 1} for product in products]
    return partial(client(server, who), "POST", "/api/orders/orders/", {"order_items": items})


def ship(server: Server, who: Person, product: int) -> Callable[[], Reply]:
    path = f"/api/catalog/products/{product}/ship/"
    return partial(client(server, who), "POST", path, {"quantity": 1})


@dataclass
class Rush:
    """What everybody was answered who wanted a unit of each product."""

    products: list[int]
    replies: list[Reply]

    @property
    def taken(self) -> int:
        """How many were told that the units are theirs, by order or by shipping."""
        return self.statuses[201] + self.statuses[200]

    @property
    def statuses(self) -> Counter[int]:
        """How often each status was answered."""
        return Counter(reply.status for reply in self.replies)


def rush(server: Server, crowd: list[Person], products: list[int], clients: int) -> Rush:
    """Every other client names the products the other way round."""
    orders = []
    for number in range(clients):
        named = products[:: -1 if number % 2 else 1]
        orders.append(order(server, crowd[number % len(crowd)], named))
    return Rush(products, at_once(HttpShop(server), orders))


def rush_and_ship(server: Server, crowd: list[Person], product: int) -> Rush:
    """Half of them order, half of them ship."""
    orders = [order(server, crowd[0], [product]) for _ in range(CLIENTS // 2)]
    shipments = [ship(server, crowd[-1], product) for _ in range(CLIENTS // 2)]
    mixed = [one for pair in zip(orders, shipments, strict=True) for one in pair]
    return Rush([product], at_once(HttpShop(server), mixed))


def check(outcome: Rush) -> None:
    """What was taken is what was accepted, and there was nothing left for who was refused."""
    assert outcome.statuses.keys() <= {200, 201, 400}, outcome.statuses
    refused = [reply.body for reply in outcome.replies if reply.status == 400]
    assert all(body in ({"error": SHORT}, [SHORT]) for body in refused)
    assert_agree(outcome.products)
    for product in outcome.products:
        assert shelf(product).available == UNITS - outcome.taken >= 0
        assert orders_of(product) == outcome.statuses[201]
    assert_books_balance()


def test_sixty_clients_get_twenty_units_and_not_one_more(
    running: Server, crowd: list[Person], product: MakeProduct
) -> None:
    outcome = rush(running, crowd, [product(stock=UNITS)], CLIENTS)
    check(outcome)
    assert outcome.statuses == {201: UNITS, 400: CLIENTS - UNITS}


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


def test_orders_and_shipments_share_twenty_units(
    running: Server, crowd: list[Person], product: MakeProduct
) -> None:
    outcome = rush_and_ship(running, crowd, product(stock=UNITS))
    check(outcome)
    assert (outcome.taken, outcome.statuses[400]) == (UNITS, CLIENTS - UNITS)


@pytest.mark.system
def test_without_the_locks_of_rows_more_is_ordered_and_shipped_than_there_is(
    crowd: list[Person], product: MakeProduct
) -> None:
    with without("row locks") as server:
        assert_breaks(
            lambda: rush_and_ship(server, crowd, product(stock=UNITS)),
            check,
            fault=lambda outcome: outcome.taken > UNITS,
        )


def refresh_at_once(server: Server, who: Person) -> list[Reply]:
    """One refresh token, used by eight clients at once."""
    said = {"username": who.customer.username, "password": who.password}
    token = Door(server)("POST", "/api/identity/token/", said).body["refresh"]
    path, body = "/api/identity/token/refresh/", {"refresh": token}
    return at_once(HttpShop(server), [partial(Door(server), "POST", path, body)] * 8)


def check_refreshed(replies: list[Reply]) -> None:
    """One got the successor; to the others the token was dead."""
    assert Counter(reply.status for reply in replies) == {200: 1, 401: 7}


def test_of_eight_who_refresh_with_one_token_one_goes_on(
    running: Server, crowd: list[Person]
) -> None:
    for who in crowd:
        replies = refresh_at_once(running, who)
        check_refreshed(replies)
        (successor,) = (reply.body["refresh"] for reply in replies if reply.status == 200)
        path = "/api/identity/token/refresh/"
        assert Door(running)("POST", path, {"refresh": successor}).status == 200


def test_of_two_requests_with_one_token_one_is_refused_and_the_session_continues(
    transactional_db: None, person: MakePerson
) -> None:
    for _ in range(5):
        who, shop = person(), ServiceShop()
        given = Credentials(who.customer.username, who.password)
        pair = sessions.log_in(given, policy=IDENTITY, signer=signer(), now=now())
        replies = at_once(shop, [partial(exchanged, pair.refresh)] * 2)
        assert sorted(one.code for one in replies) == [OK, "token_invalid"]
        (successor,) = (str(one.content) for one in replies if one.code == OK)
        assert exchanged(successor).code == OK


def exchanged(token: str) -> Answer:
    """What a refresh token of contract 2 is exchanged for at the service."""

    def call() -> Answer:
        pair = sessions.refresh(token, policy=IDENTITY, signer=signer(), now=now())
        return Answer(OK, pair.refresh)

    return answered(call)


@pytest.mark.system
def test_without_comparing_several_go_on(crowd: list[Person]) -> None:
    with without("compare-and-swap") as server:
        assert_breaks(
            lambda: refresh_at_once(server, crowd[0]),
            check_refreshed,
            fault=lambda replies: sum(reply.status == 200 for reply in replies) > 1,
        )


def test_of_many_who_register_one_name_one_gets_it(running: Server, anyone: Door) -> None:
    body = {"password": "correct horse", "password2": "correct horse"}
    requests = [
        partial(
            anyone,
            "POST",
            "/api/identity/register/",
            body | {"username": name, "email": f"{number}@example.org"},
        )
        for number, name in enumerate(["mary", "MARY", "Mary", "mary "])
    ]
    replies = at_once(HttpShop(running), requests)
    assert Counter(reply.status for reply in replies) == {201: 1, 400: 3}
    assert all(list(one.body) == ["username"] for one in replies if one.status == 400)


def test_a_product_deleted_twice_at_once_was_there_once(
    running: Server, crowd: list[Person], product: MakeProduct
) -> None:
    delete = partial(client(running, crowd[-1]), "DELETE", f"/api/catalog/products/{product()}/")
    replies = at_once(HttpShop(running), [delete] * 6)
    assert Counter(reply.status for reply in replies) == {204: 1, 404: 5}


def test_a_product_deleted_while_it_is_ordered_leaves_books_that_balance(
    running: Server, crowd: list[Person], product: MakeProduct
) -> None:
    jam = product(stock=UNITS)
    delete = partial(client(running, crowd[-1]), "DELETE", f"/api/catalog/products/{jam}/")
    requests = [order(running, crowd[0], [jam])] * 10 + [delete]
    statuses = Counter(reply.status for reply in at_once(HttpShop(running), requests))
    assert statuses.keys() <= {201, 204, 400}
    assert shelf(jam).available == UNITS - statuses[201]
    assert_books_balance()


def test_stock_set_while_it_is_ordered_is_counted_once(
    running: Server, crowd: list[Person], product: MakeProduct
) -> None:
    jam = product(stock=UNITS)
    path = f"/api/catalog/products/{jam}/"
    change = partial(client(running, crowd[-1]), "PATCH", path, {"quantity": 50})
    requests = [order(running, crowd[0], [jam])] * 10 + [change] * 3
    statuses = Counter(reply.status for reply in at_once(HttpShop(running), requests))
    assert statuses == {201: 10, 200: 3}
    assert 40 <= shelf(jam).available <= 50
    ((ordered,),) = database.rows("SELECT count(*) FROM ledger_entry WHERE cause = 'order'", [])
    assert ordered == 10
    assert_books_balance()
