"""All connections of a process are in use while PostgreSQL is well: the answer is `overloaded`."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from time import sleep

import psycopg

from tests.conftest import Person
from tests.faults.desk import Desk
from tests.faults.shop import PASSWORD
from tests.server import Reply, Server

POOL = 2
EARLIER = {
    "1": "/api/orders/",
    "2": "/api/orders/orders/",
    "3": "/api/order/",
    "4": "/orders/",
}
"""A path of each earlier contract that the database is read for. Contract 0 has none."""


@contextmanager
def full_pool(server: Server, token: str, product: int) -> Iterator[None]:
    """All connections of the server's process wait for a lock of the table of products."""
    with (
        psycopg.connect(os.environ["OWNER_DATABASE_URL"]) as owner,
        ThreadPoolExecutor(POOL) as readers,
    ):
        owner.execute("LOCK TABLE catalog.product")
        read = partial(server.call, "GET", f"products/{product}", token=token)
        for _ in range(POOL):
            readers.submit(read)
        sleep(0.5)
        yield
        owner.rollback()


def test_a_full_pool_is_no_unavailable_database(
    transactional_db: None, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    jam, staff = product(), person(password=PASSWORD, is_staff=True, is_superuser=True)
    environment = {"DB_POOL_SIZE": str(POOL), "COMPAT": ",".join(EARLIER)}
    with Server(workers=1, environment=environment) as server:
        token = server.token(staff.customer.username, PASSWORD)
        desk = Desk(server, staff.customer.username)
        order = {"lines": [{"product": jam, "quantity": 1}]}
        requests: dict[str, Callable[[], Reply]] = {
            "me": lambda: server.call("GET", "me", token=token),
            "order": lambda: server.call("POST", "orders", order, token=token),
            "log-in": lambda: server.call("POST", "auth/token", credentials(staff)),
            "admin": lambda: desk.get("orders/order/"),
            **{name: partial(server.call, "GET", EARLIER[name], token=token) for name in EARLIER},
        }
        assert {one().status // 100 for one in requests.values()} == {2}
        with full_pool(server, token, jam), ThreadPoolExecutor(len(requests)) as clients:
            sent = {name: clients.submit(one) for name, one in requests.items()}
            answers = {name: answer.result() for name, answer in sent.items()}
    for name, answer in answers.items():
        assert (name, answer.status, answer.headers.get("retry-after")) == (name, 503, "1")
        assert "overloaded" in str(answer.body), (name, answer.body)


def credentials(staff: Person) -> dict[str, str]:
    return {"username": staff.customer.username, "password": PASSWORD}
