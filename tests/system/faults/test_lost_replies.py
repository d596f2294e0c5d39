"""A client that lost the reply repeats its request with the same key, or looks up its chosen id:
the request has one effect and the same result.
"""

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any

import pytest

from larder.core.ids import new_id
from tests.conftest import Person
from tests.server import Reply, Server
from tests.system.faults.lost_reply_proxy import HOST, LostReplyProxy
from tests.system.faults.writing_requests import REQUESTS, STOCK, Asked, Shop
from tests.system.race.books import assert_agree, shelf

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
GONE = (OSError, http.client.HTTPException)
TIMEOUT = 20


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


def test_an_order_is_found_by_its_chosen_id_after_a_lost_connection(shop: Shop) -> None:
    id, effects = str(new_id()), REQUESTS["place an order"].effects
    lines = [{"product": shop.product, "quantity": 2}]
    client = Client(shop, Asked("orders", effects, body=lambda _: {"id": id, "lines": lines}), None)
    client.lose_connection()
    look_up = Asked(f"orders/{id}", effects, method="GET")
    order = Client(shop, look_up, key=None).ask_again()
    assert (order.status, order.body["status"]) == (200, "placed")
    again = client.ask_again()
    assert (again.status, again.headers["idempotency-replayed"]) == (201, "true")
    assert (again.body, client.effects) == (order.body, 1)
    assert shelf(shop.product).available == STOCK - 2
