"""A client that lost the reply repeats its request with the same key, or looks up its chosen id:
the request has one effect and the same result.
"""

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from larder.core.ids import new_id
from tests.conftest import Person
from tests.server import Reply, Server
from tests.system.faults.lost_reply_proxy import HOST, LostReplyProxy
from tests.system.faults.processes import RESPAWN
from tests.system.faults.writing_requests import REQUESTS, STOCK, Asked, Shop
from tests.system.race.books import assert_agree, shelf

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
GONE = (OSError, http.client.HTTPException)
TIMEOUT = 20
DOUBLED = [name for name, asked in REQUESTS.items() if asked.doubles]


@pytest.fixture(scope="module")
def steady(django_db_setup: None) -> Iterator[Server]:
    """One server for all the tests that leave it alive, each with an empty database."""
    with Server(workers=1) as server:
        yield server


@pytest.fixture
def shop(
    transactional_db: None, steady: Server, person: MakePerson, product: MakeProduct
) -> Iterator[Shop]:
    """People and a product, on a server whose replies can be lost on the way."""
    yield Shop(steady, person(), person(is_staff=True), product(stock=STOCK))
    steady.hang_up()


@pytest.fixture
def doomed(
    transactional_db: None, tmp_path: Path, person: MakePerson, product: MakeProduct
) -> Iterator["Doomed"]:
    """The same on a server of which one worker dies instead of answering."""
    warrant = tmp_path / "warrant"
    environment = {"WARRANT": str(warrant)}
    application = "tests.system.faults.killed_before_reply_app:application"
    with Server(application=application, environment=environment, options=RESPAWN) as server:
        shop = Shop(server, person(), person(is_staff=True), product(stock=STOCK))
        yield Doomed(shop, warrant)


@dataclass(frozen=True, slots=True)
class Doomed:
    """A shop, and the file that lets a worker of its server die."""

    shop: Shop
    warrant: Path


@dataclass
class Client:
    """A client that makes one request, again and again."""

    shop: Shop
    asked: Asked
    key: str | None = "once"

    def __post_init__(self) -> None:
        self.asked.before(self.shop)
        self.path = f"/api/v1/{self.asked.path.format(order=self.shop.order)}"
        self.body = self.asked.body(self.shop)
        self.token = self.shop.token(self.asked.who)
        self._earlier = self.asked.effects(self.shop)

    @property
    def headers(self) -> dict[str, str]:
        sent = {"Content-Type": self.asked.media_type}
        if self.asked.if_match:
            sent["If-Match"] = self.asked.if_match
        keyed = self.asked.keyed and self.key is not None
        return sent | {"Idempotency-Key": str(self.key)} if keyed else sent

    @property
    def effects(self) -> int:
        """How often the request took effect."""
        return self.asked.effects(self.shop) - self._earlier

    def ask(self) -> Reply:
        """Raises one of GONE when no server answers."""
        method, server = self.asked.method, self.shop.server
        sent = self.headers
        return server.call(method, self.path, self.body, token=self.token, headers=sent)

    def ask_again(self) -> Reply:
        """As an app does it: until there is an answer."""
        deadline = monotonic() + TIMEOUT
        while monotonic() < deadline:
            with suppress(*GONE):
                return self.ask()
            sleep(0.1)
        raise AssertionError("no server answers")

    def lose_connection(self) -> Any:
        """Asks, and is cut off once the server has answered; the answer that was lost."""
        sent = self.headers
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body)
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        with LostReplyProxy(self.shop.server.port) as proxy:
            connection = http.client.HTTPConnection(HOST, proxy.port, timeout=30)
            sent["Host"] = f"{HOST}:{self.shop.server.port}"
            connection.request(self.asked.method, self.path, body, sent)
            with pytest.raises(GONE):
                connection.getresponse()
            connection.close()
        assert proxy.status in {200, 201}, proxy.body
        return Reply(proxy.status, json.loads(proxy.body), {})

    def lose_server(self, warrant: Path) -> None:
        """Asks, and the worker dies between the commit and the reply."""
        warrant.touch()
        with pytest.raises(GONE):
            self.ask()
        assert not warrant.exists()


def without(secret: tuple[str, ...], body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in secret}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_lost_connection_is_recovered_by_a_repeat(name: str, shop: Shop) -> None:
    asked = REQUESTS[name]
    client = Client(shop, asked)
    lost = client.lose_connection()
    assert client.effects == 1
    again = client.ask_again()
    answers = "true" if asked.keyed else None
    assert (again.status, again.headers.get("idempotency-replayed")) == (lost.status, answers)
    assert without(asked.secret, again.body) == without(asked.secret, lost.body)
    assert [again.body[secret] for secret in asked.secret] == [None] * len(asked.secret)
    assert client.effects == 1
    assert_agree([shop.product])


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_done_once_if_the_server_dies_before_its_answer(
    name: str, doomed: Doomed
) -> None:
    client = Client(doomed.shop, REQUESTS[name])
    client.lose_server(doomed.warrant)
    assert client.effects == 1
    again = client.ask_again()
    assert again.status in {200, 201}
    answers = "true" if client.asked.keyed else None
    assert again.headers.get("idempotency-replayed") == answers
    assert client.effects == 1
    assert client.ask_again().body == again.body
    assert_agree([doomed.shop.product])


@pytest.mark.parametrize("name", DOUBLED)
def test_a_repeat_without_a_key_is_done_twice(name: str, shop: Shop) -> None:
    """The negative control: what the key is there to prevent does happen without it."""
    client = Client(shop, REQUESTS[name], key=None)
    client.lose_connection()
    assert client.ask_again().status in {200, 201}
    assert client.effects == 2


def assert_found_by_id(shop: Shop, lose: Callable[[Client], object]) -> None:
    """Places an order of an id of the client's own, loses the reply, and asks what came of it."""
    id, effects = str(new_id()), REQUESTS["place an order"].effects
    lines = [{"product": shop.product, "quantity": 2}]
    client = Client(shop, Asked("orders", effects, body=lambda _: {"id": id, "lines": lines}), None)
    lose(client)
    look_up = Asked(f"orders/{id}", effects, method="GET")
    found = Client(shop, look_up, key=None).ask_again()
    assert (found.status, found.body["status"]) == (200, "placed")
    again = client.ask_again()
    assert (again.status, again.headers["idempotency-replayed"]) == (201, "true")
    assert (again.body, client.effects) == (found.body, 1)
    assert shelf(shop.product).available == STOCK - 2


def test_an_order_is_found_by_its_chosen_id_after_a_lost_connection(shop: Shop) -> None:
    assert_found_by_id(shop, Client.lose_connection)


def test_an_order_is_found_by_its_chosen_id_after_the_server_died(doomed: Doomed) -> None:
    assert_found_by_id(doomed.shop, lambda client: client.lose_server(doomed.warrant))
