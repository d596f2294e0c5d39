"""Contract 2: requests that no honest client sends."""

import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.compat.conftest import Door, assert_books_balance
from tests.compat.documented import Documented
from tests.conftest import Person
from tests.server import Server


@dataclass(frozen=True, slots=True)
class Shop:
    """Every way to write, by somebody who may."""

    anyone: Documented
    own: Documented
    keeper: Documented
    customer: int
    product: int

    @property
    def writes(self) -> list[tuple[Documented, str, str]]:
        """Client, method, path."""
        me, product = f"/api/identity/customers/{self.customer}/", "/api/catalog/products/"
        return [
            (self.anyone, "POST", "/api/identity/register/"),
            (self.anyone, "POST", "/api/identity/token/"),
            (self.anyone, "POST", "/api/identity/token/refresh/"),
            (self.anyone, "POST", "/api/identity/token/verify/"),
            (self.keeper, "POST", "/api/identity/customers/"),
            (self.own, "PUT", me),
            (self.own, "PATCH", me),
            (self.keeper, "POST", product),
            (self.keeper, "PUT", f"{product}{self.product}/"),
            (self.keeper, "PATCH", f"{product}{self.product}/"),
            (self.keeper, "POST", f"{product}{self.product}/ship/"),
            (self.own, "POST", "/api/orders/orders/"),
        ]

    def state(self) -> list[Any]:
        """All that requests could change."""
        paths = ("identity/customers/", "catalog/products/")
        seen = [self.keeper("GET", f"/api/{path}").body for path in paths]
        return [*seen, self.own("GET", "/api/orders/orders/").body]


@pytest.fixture
def shop(
    anyone: Door,
    door: Callable[[Person], Door],
    keeper: Door,
    person: Callable[..., Person],
    product: Callable[..., int],
) -> Shop:
    """A shop with one product and a customer."""
    who = person("mary")
    return Shop(
        anyone=Documented("2", anyone),
        own=Documented("2", door(who)),
        keeper=Documented("2", keeper),
        customer=who.id,
        product=product(stock=5, name="Jam"),
    )


BODIES: dict[str, bytes] = {
    "cut off": b'{"username": "eve", "order_items": [',
    "no JSON": b"username=eve",
    "two values": b"{} {}",
    "not UTF-8": b'{"username": "\xff", "name": "\xff"}',
    "a list": b'[{"username": "eve", "name": "Eve"}]',
    "text": b'"eve"',
    "a number": b"1",
    "no number": b'{"price": NaN}',
    "an endless number": b'{"quantity": ' + b"9" * 5000 + b"}",
    "a lone surrogate": b'{"username": "\\ud800", "name": "\\ud800", "token": "\\ud800"}',
    "deep": b'{"username": ' + b"[" * 8_000 + b"]" * 8_000 + b"}",
    "a deep list": b"[" * 8_000 + b"]" * 8_000,
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_of_nonsense_is_400_and_changes_nothing(body: bytes, shop: Shop) -> None:
    before = shop.state()
    for client, method, path in shop.writes:
        assert client(method, path, body).status == 400, path
    assert shop.state() == before


def test_a_body_that_is_too_large_is_413(shop: Shop) -> None:
    body = json.dumps({"name": "x" * 3_000_000}).encode()
    for client, method, path in shop.writes:
        reply = client(method, path, body)
        assert (reply.status, list(reply.body)) == (413, ["detail"])


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/x-nothing"])
def test_a_body_of_another_type_is_415(kind: str, shop: Shop) -> None:
    for client, method, path in shop.writes:
        assert client(method, path, b"{}", Content_Type=kind).status == 415


def test_what_is_protected_takes_no_forms(shop: Shop) -> None:
    form = {"name": "Jam", "description": "", "price": "1"}
    assert shop.keeper("POST", "/api/catalog/products/", form=form).status == 415


def test_a_chunked_body_of_a_staff_operation_is_refused(shop: Shop, running: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=30)
    headers = {
        "Content-Type": "application/json",
        "Authorization": str(shop.keeper.door.authorization),
    }
    parts = [b'{"name": "Tea", "descr', b'iption": "", "price": "1"}']
    connection.request("POST", "/api/catalog/products/", iter(parts), headers, encode_chunked=True)
    response = connection.getresponse()
    body = json.loads(response.read())
    connection.close()
    assert (response.status, list(body)) == (411, ["detail"])


VALUES: list[Any] = [
    *(None, True, -1, 10**30, 1e308, "", "\0", "\U0001f600" * 400, "x" * 5000),
    *([], {}, [[]], [None], {"a": {}}, [{"product": None}], "١٢", "1e5", "\u202e"),
]
FIELDS = (
    *("username", "password", "password2", "email", "first_name", "token", "refresh"),
    *("name", "description", "price", "quantity", "order_items"),
)


@pytest.mark.parametrize("value", VALUES, ids=[repr(value)[:20] for value in VALUES])
def test_no_value_of_any_field_upsets_the_server(value: Any, shop: Shop) -> None:
    """Each answer is one that the document announces; 5xx are none."""
    for client, method, path in shop.writes:
        assert client(method, path, dict.fromkeys(FIELDS, value)).status < 500
    for field in ("product", "quantity"):
        item = {"product": "00000000-0000-0000-0000-000000000000", field: value}
        reply = shop.own("POST", "/api/orders/orders/", {"order_items": [item]})
        assert reply.status == 400
    assert_books_balance()


@pytest.mark.parametrize(
    "query",
    ["limit=%00", "offset=%00", "limit=%ff", "limit=1e9", "format=xml", "limit=" + "9" * 40],
)
def test_no_query_upsets_the_server(query: str, shop: Shop) -> None:
    for path in ("identity/customers/", "catalog/products/", "orders/orders/"):
        assert shop.keeper.door("GET", f"/api/{path}?{query}").status in {200, 404}


CREDENTIALS = {
    "a word": "Bearer",
    "no token": "Bearer ",
    "two tokens": "Bearer a b",
    "not Unicode": "Bearer \xff",
    "no key": "Token x",
    "a password": "Basic YTpi",
    "endless": "Bearer " + "x" * 20_000,
}


@pytest.mark.parametrize("credentials", CREDENTIALS.values(), ids=CREDENTIALS)
def test_credentials_of_nonsense_are_401(credentials: str, anyone: Door) -> None:
    assert anyone("GET", "/api/", Authorization=credentials).status == 401
