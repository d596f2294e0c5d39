"""A running server with every earlier contract, and clients for it."""

import base64
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest

from larder.front.products import MAX_LAG
from larder.ops.books import invariants
from tests.conftest import Person
from tests.http.conftest import api, application, as_, token_for  # noqa: F401 - fixtures
from tests.identity.conftest import hashes  # noqa: F401 - a fixture
from tests.server import Reply, Server

ALL = "0,1,2,3,4"


@pytest.fixture(scope="session")
def long_server(django_db_setup: None) -> Iterator[Server]:
    """One server for all of them; the tables are emptied under it after each test."""
    with Server(workers=2, environment={"COMPAT": ALL}) as server:
        yield server


_left = [0.0]
"""When the last test left the servers that outlive it (monotonic seconds)."""


def forget_pages() -> None:
    """Waits until a server has no cached page of an earlier test: it sees the emptied tables after
    MAX_LAG at the latest.
    """
    time.sleep(max(0.0, _left[0] + MAX_LAG / 1e9 - time.monotonic()))


@pytest.fixture
def running(long_server: Server) -> Iterator[Server]:
    """The server. A connection that idles until the next test may be closed there."""
    forget_pages()
    yield long_server
    long_server.hang_up()
    _left[0] = time.monotonic()


@dataclass(frozen=True, slots=True)
class ApiClient:
    """A client of the earlier contracts: `client("GET", "/api/products/")`.

    A str or dict or list as `body` is sent as JSON, bytes as they are; `form` as a form.
    """

    server: Server
    authorization: str | None = None

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        form: dict[str, str] | None = None,
        **headers: str,
    ) -> Reply:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.authorization is not None:
            sent.setdefault("Authorization", self.authorization)
        if form is not None:
            body = urlencode(form).encode()
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
        return self.server.call(method, path, body, headers=sent)


@pytest.fixture
def anyone(transactional_db: None, running: Server) -> ApiClient:
    """A client without credentials."""
    return ApiClient(running)


@pytest.fixture
def client_of(transactional_db: None, running: Server) -> Callable[[Person], ApiClient]:
    """A client as a person, by access token: `client_of(person())`."""
    return lambda who: ApiClient(running, f"Bearer {token_for(who)}")


@pytest.fixture
def by_password(transactional_db: None, running: Server) -> Callable[[Person], ApiClient]:
    """A client as a person, by HTTP Basic."""

    def make(who: Person) -> ApiClient:
        pair = f"{who.customer.username}:{who.password}".encode()
        return ApiClient(running, f"Basic {base64.b64encode(pair).decode()}")

    return make


@pytest.fixture
def shopper(person: Callable[..., Person], client_of: Callable[[Person], ApiClient]) -> ApiClient:
    """A client as some customer."""
    return client_of(person())


@pytest.fixture
def keeper(person: Callable[..., Person], client_of: Callable[[Person], ApiClient]) -> ApiClient:
    """A client as a member of staff."""
    return client_of(person(is_staff=True))


ROADS = {
    "cancelled": ["cancel"],
    "packed": ["pack"],
    "shipped": ["pack", "ship"],
    "delivered": ["pack", "ship", "deliver"],
    "returned": ["pack", "ship"],
}


def bring(staff: ApiClient, order: str, status: str) -> None:
    """Moves a placed order to a status, as the shop's staff do, through v1."""
    for move in ROADS[status]:
        _move(staff, order, move)
    if status == "returned":
        lines = staff("GET", f"/api/v1/orders/{order}").body["lines"]
        back = [{name: line[name] for name in ("product", "quantity")} for line in lines]
        _move(staff, order, "return", {"lines": back, "reason": "all of it"})


def _move(staff: ApiClient, order: str, move: str, body: Any = None) -> None:
    reply = staff("POST", f"/api/v1/orders/{order}/{move}", body)
    assert reply.status == 200, reply.body


def assert_books_balance() -> None:
    """Checks that every invariant holds; shows the rows of violated ones."""
    assert [(finding.invariant.name, finding.rows) for finding in invariants.check().violated] == []
