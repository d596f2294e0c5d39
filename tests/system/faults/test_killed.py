"""Kill -9 under load: no acknowledged order is lost, and none is placed twice."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from time import sleep

import psycopg
import pytest

from larder.db import database
from larder.db.postgresql.bounded import ANSWER_TIMEOUT
from tests.conftest import Person
from tests.server import Server
from tests.system.faults.conftest import kill
from tests.system.faults.load import Load
from tests.system.faults.processes import RESPAWN, kill_all, kill_worker, stop
from tests.system.faults.shop import Shop
from tests.system.race.books import assert_agree, shelf
from tests.system.replica.standby import frozen
from tools.local_postgres import Cluster

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
STOCK = 100_000
CUSTOMERS = 8


@pytest.fixture
def stack(transactional_db: None) -> Iterator[ExitStack]:
    """Servers that the test starts; what is left of them is ended."""
    with ExitStack() as servers:
        yield servers


def assert_kept(load: Load) -> None:
    """The tables have exactly the acknowledged orders, once each."""
    placed = [str(row[0]) for row in database.rows('SELECT id FROM "order"')]
    assert sorted(placed) == sorted(load.acknowledged.values())
    assert_agree([load.product])
    assert shelf(load.product).available == STOCK - len(load.acknowledged)


def test_processes_killed_under_load_lose_and_repeat_nothing(
    stack: ExitStack, person: MakePerson, product: MakeProduct
) -> None:
    server, who = stack.enter_context(Server(options=RESPAWN)), person()
    load = Load(server, server.token(who.customer.username, who.password), product(stock=STOCK))
    with load.running(CUSTOMERS):
        for _ in range(3):
            load.wait_for(40)
            kill_worker(server)
        load.wait_for(40)
    assert load.repeated > 0
    assert_kept(load)


def test_a_server_killed_under_load_loses_and_repeats_nothing(
    stack: ExitStack, person: MakePerson, product: MakeProduct
) -> None:
    first, who = stack.enter_context(Server()), person()
    load = Load(first, first.token(who.customer.username, who.password), product(stock=STOCK))
    with load.running(CUSTOMERS):
        load.wait_for(40)
        kill_all(first)
        load.server = stack.enter_context(Server())
        load.wait_for(40)
    assert load.repeated > 0
    assert_kept(load)


def test_a_stopping_server_answers_every_order_that_it_placed(
    stack: ExitStack, person: MakePerson, product: MakeProduct
) -> None:
    who, jam, first = person(), product(stock=STOCK), stack.enter_context(Server())
    load = Load(first, first.token(who.customer.username, who.password), jam)
    with load.running(CUSTOMERS):
        for _ in range(3):
            load.wait_for(40)
            stop(load.server)
            load.server = stack.enter_context(Server())
        load.wait_for(40)
    assert load.repeated > 0
    # No order needed a repeat: its answer came before the server went.
    assert load.replayed == 0
    assert_kept(load)


def assert_kept_by(cluster: Cluster, load: Load) -> None:
    """As assert_kept, of a shop on a separate PostgreSQL."""
    with psycopg.connect(cluster.owner_url()) as owner:
        placed = owner.execute(
            "SELECT order_id::text FROM orders.order_line WHERE product_id = %s", [load.product]
        ).fetchall()
    assert sorted(row[0] for row in placed) == sorted(load.acknowledged.values())


def test_a_database_killed_under_load_loses_and_repeats_nothing(
    shop: Shop, cluster: Cluster
) -> None:
    load = Load(shop.server, shop.access, shop.product)
    with load.running(CUSTOMERS):
        for _ in range(2):
            load.wait_for(40)
            kill(cluster)
            sleep(0.5)
            cluster.start()
        load.wait_for(40)
    assert load.repeated > 0
    assert_kept_by(cluster, load)


def test_a_database_that_hangs_under_load_loses_and_repeats_nothing(
    shop: Shop, cluster: Cluster
) -> None:
    load = Load(shop.server, shop.access, shop.product)
    with load.running(CUSTOMERS):
        load.wait_for(40)
        with frozen(cluster):
            sleep(ANSWER_TIMEOUT + 2)
        load.wait_for(40)
    assert load.repeated > 0
    assert_kept_by(cluster, load)
