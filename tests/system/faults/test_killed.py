"""Kill -9 under load: no acknowledged order is lost, and none is placed twice."""

import http.client
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from time import monotonic, sleep

import psycopg
import pytest

from larder.db import database
from larder.db.postgresql.bounded import ANSWER_TIMEOUT
from tests.conftest import Person
from tests.server import Reply, Server
from tests.system.faults.conftest import kill
from tests.system.faults.load import Load
from tests.system.faults.processes import RESPAWN, kill_all, kill_worker, stop, workers
from tests.system.faults.shop import Shop
from tests.system.race.books import assert_agree, shelf
from tests.system.replica.standby import frozen
from tools.local_postgres import Cluster
from tools.processes import alive

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
STOCK = 100_000
CUSTOMERS = 8
GONE = (OSError, http.client.HTTPException)
"""How a client notices that the server died."""


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


def test_a_server_stops_although_its_main_threads_are_not_interrupted(
    transactional_db: None,
) -> None:
    patient = ("--workers-kill-timeout", "25")
    with Server(application="tests.system.faults.deaf:application", options=patient) as server:
        pids = [server.pid, *workers(server)]
        stop(server)
        assert not any(map(alive, pids))


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


class Dying:
    """A server whose worker dies once, at the moment given, and a customer of it."""

    def __init__(self, stack: ExitStack, who: Person, moment: str, folder: Path) -> None:
        warrant = folder / "warrant"
        self.server = stack.enter_context(
            Server(
                application="tests.system.faults.dying:application",
                environment={"MOMENT": moment, "WARRANT": str(warrant)},
                options=RESPAWN,
            )
        )
        self._token = self.server.token(who.customer.username, who.password)
        warrant.touch()

    def place(self, jam: int, key: str | None) -> Reply:
        """One unit; raises when the worker is gone before it answers."""
        body = {"lines": [{"product": jam, "quantity": 1}]}
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.server.call("POST", "orders", body, token=self._token, headers=headers)

    def place_again(self, jam: int, key: str | None) -> Reply:
        """As an app does it: until there is an answer."""
        deadline = monotonic() + 20
        while monotonic() < deadline:
            with suppress(*GONE):
                return self.place(jam, key)
            sleep(0.1)
        raise AssertionError("no server answers")


def orders_of(jam: int) -> int:
    """How many orders of the product were committed."""
    return shelf(jam).sold


def test_a_repeat_gets_the_order_if_the_server_dies_after_the_commit(
    stack: ExitStack, person: MakePerson, product: MakeProduct, tmp_path: Path
) -> None:
    jam = product(stock=10)
    dying = Dying(stack, person(), "after the commit", tmp_path)
    with pytest.raises(GONE):
        dying.place(jam, "once")
    assert orders_of(jam) == 1
    again = dying.place_again(jam, "once")
    assert (again.status, again.headers["idempotency-replayed"]) == (201, "true")
    assert orders_of(jam) == 1


def test_a_server_that_dies_before_the_commit_leaves_nothing_and_the_key_free(
    stack: ExitStack, person: MakePerson, product: MakeProduct, tmp_path: Path
) -> None:
    jam = product(stock=10)
    dying = Dying(stack, person(), "before the commit", tmp_path)
    with pytest.raises(GONE):
        dying.place(jam, "once")
    assert (orders_of(jam), shelf(jam).available) == (0, 10)
    assert database.rows("SELECT * FROM idempotency_key") == []
    again = dying.place_again(jam, "once")
    assert (again.status, "idempotency-replayed" in again.headers) == (201, False)
    assert orders_of(jam) == 1


def test_a_repeat_without_a_key_after_the_commit_places_a_second_order(
    stack: ExitStack, person: MakePerson, product: MakeProduct, tmp_path: Path
) -> None:
    """The negative control: what the key is there to prevent does happen without it."""
    jam = product(stock=10)
    dying = Dying(stack, person(), "after the commit", tmp_path)
    with pytest.raises(GONE):
        dying.place(jam, None)
    assert dying.place_again(jam, None).status == 201
    assert orders_of(jam) == 2
