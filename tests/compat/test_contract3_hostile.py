"""Contract 3: requests that no honest client sends, and the browser's cookie."""

import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.compat.browser import Browser
from tests.compat.conftest import Door, assert_books_balance
from tests.compat.documented import Documented
from tests.compat.test_contract3_users import GOOD, own_path
from tests.conftest import Person
from tests.server import Reply, Server

MEGABYTE = 2**20


@dataclass(frozen=True, slots=True)
class Shop:
    """Every way to write, by somebody who may; and what is written to."""

    anyone: Documented
    own: Documented
    keeper: Documented
    me: str
    product: int

    @property
    def writes(self) -> list[tuple[Documented, str, str]]:
        """Client, method, path."""
        product = f"/api/product/{self.product}"
        return [
            (self.anyone, "POST", "/api/register/"),
            (self.anyone, "POST", "/api/token/"),
            (self.anyone, "POST", "/api/token/refresh/"),
            (self.own, "PUT", self.me),
            (self.own, "PATCH", self.me),
            (self.keeper, "POST", "/api/product/"),
            (self.keeper, "PUT", product),
            (self.keeper, "PATCH", product),
            (self.own, "POST", "/api/order/"),
        ]

    def state(self) -> list[Any]:
        """All that requests could change."""
        paths = ("/api/user/", "/api/product/?limit=100")
        seen = [self.keeper("GET", path).body for path in paths]
        return [*seen, self.own("GET", "/api/order/").body]


@pytest.fixture
def shop(
    anyone: Door,
    door: Callable[[Person], Door],
    keeper: Door,
    person: Callable[..., Person],
    product: Callable[..., int],
) -> Shop:
    """A shop with one product and a customer."""
    who = person("Ann")
    return Shop(
        anyone=Documented("3", anyone),
        own=Documented("3", door(who)),
        keeper=Documented("3", keeper),
        me=own_path(who),
        product=product(stock=5, name="Jam"),
    )


DEEP = 1_600

NO_BODIES: dict[str, bytes] = {
    "cut off": b'{"name": "Eve", "products": [',
    "no JSON": b"name=Eve",
    "two values": b"{} {}",
    "a list": b"[]",
    "a list of objects": b'[{"name": "Eve"}]',
    "text": b'"Eve"',
    "a number": b"1",
    "a huge number": b"1" + b"0" * 30,
    "null": b"null",
    "true": b"true",
    "NaN": b"NaN",
    "a price that is not a number": b'{"name": "Eve", "price": NaN}',
    "bytes that are no text": b'{"name": "\xff"}',
    "a bare NUL": b"\0",
    "a lone surrogate": b'{"name": "\\ud800", "password": "\\ud800"}',
    "a lone surrogate as a key": b'{"\\udfff": 1}',
    "lists in lists": b"[" * DEEP + b"]" * DEEP,
    "objects in objects": b'{"name":' * DEEP + b"1" + b"}" * DEEP,
    "deep products": b'{"name":"Eve","products":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "many digits": b'{"products": ' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("body", NO_BODIES.values(), ids=NO_BODIES)
def test_what_is_no_body_is_refused_everywhere_and_changes_nothing(body: bytes, shop: Shop) -> None:
    before = shop.state()
    for client, method, path in shop.writes:
        answer = client(method, path, body)
        may_pass = method == "PATCH" and body.startswith((b'{"\\udfff', b'{"products'))
        assert answer.status == 400 or (may_pass and answer.status == 200), (path, answer)
        assert isinstance(answer.body, dict)
    assert shop.state() == before
    assert_books_balance()


@pytest.mark.parametrize("text", ["Eve\0", "\0"])
def test_text_with_a_nul_is_refused(text: str, shop: Shop) -> None:
    before = shop.state()
    body = dict.fromkeys(("name", "password", "refresh", "price", "stock", "products"), text)
    for client, method, path in shop.writes:
        answer = client(method, path, body)
        assert answer.status in {400, 401}, (path, answer)
    assert shop.state() == before


def test_an_object_or_a_huge_number_in_any_field_is_refused(shop: Shop) -> None:
    before = shop.state()
    fields = ("name", "password", "refresh", "price", "stock", "products", "username")
    values: list[Any] = [{}, [], {"a": [1]}, 10**30, -(10**30), 1.5e300, False]
    for value in values:
        for client, method, path in shop.writes:
            answer = client(method, path, dict.fromkeys(fields, value))
            assert answer.status == 400, (path, value, answer)
    assert shop.state() == before


def test_a_body_of_three_megabytes_is_refused(shop: Shop) -> None:
    body = json.dumps({"name": "n" * 3 * MEGABYTE}).encode()
    for client, method, path in shop.writes:
        answer = client(method, path, body)
        assert (answer.status, list(answer.body)) == (413, ["detail"]), path


def test_a_body_of_another_type_is_refused(shop: Shop) -> None:
    for client, method, path in shop.writes:
        answer = client(method, path, b"<name>Eve</name>", Content_Type="text/xml")
        assert (answer.status, list(answer.body)) == (415, ["detail"]), path
    form = {"name": "Eve", "price": "1", "products": "1"}
    for client, method, path in shop.writes[3:]:
        assert client(method, path, form=form).status == 415, path


def test_an_answer_that_is_neither_json_nor_html_cannot_be_had(shop: Shop) -> None:
    for path in ("/api/user/", "/api/product/", "/api/order/", shop.me):
        assert shop.keeper("GET", path, Accept="text/csv").status == 406


def chunked(server: Server, authorization: str, path: str, body: Any) -> int:
    """Sends a body without a length, in pieces of seven bytes."""
    raw = json.dumps(body).encode()
    pieces = (raw[at : at + 7] for at in range(0, len(raw), 7))
    headers = {"Content-Type": "application/json", "Authorization": authorization}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request(
            "POST", path, pieces, headers | {"Transfer-Encoding": "chunked"}, encode_chunked=True
        )
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_body_in_pieces_is_read_where_it_places_nothing_and_refused_elsewhere(
    running: Server, keeper: Door, product: Callable[..., int]
) -> None:
    bearer = str(keeper.authorization)
    order = {"products": [{"id": product(), "quantity": 2}]}
    assert chunked(running, bearer, "/api/order/", order) == 411
    assert keeper("GET", "/api/order/").body["results"] == []
    assert chunked(running, bearer, "/api/product/", {"name": "Jam", "stock": 3}) == 411
    assert chunked(running, "", "/api/register/", {"name": "Ann", "password": GOOD}) == 201


def test_the_correlation_id_of_a_request_comes_back(shopper: Door) -> None:
    sent = "0123456789abcdef0123456789abcdef"
    for path in ("/api/product/", "/api/order/", "/api/product/1", "/api/user/x", "/api/user/"):
        answer = shopper("GET", path, Correlation_ID=sent)
        assert answer.headers["correlation-id"] == sent


def test_staff_with_the_admins_cookie_write_only_with_the_csrf_token(
    transactional_db: None,
    running: Server,
    person: Callable[..., Person],
    product: Callable[..., int],
) -> None:
    boss = person("Boss", is_staff=True, is_superuser=True)
    browser = Browser(running)
    browser.log_in("Boss", boss.password)
    assert browser("GET", "/api/user/").status == 200
    body = {"name": "Tea", "stock": 3}
    order = {"products": [{"id": product(stock=3), "quantity": 1}]}
    for path, sent in (("/api/product/", body), ("/api/order/", order)):
        refused: Reply = browser("POST", path, sent)
        assert (refused.status, list(refused.body)) == (403, ["detail"])
        token = browser.cookies["csrftoken"]
        assert browser("POST", path, sent, X_CSRFToken=token).status == 201
    renamed = browser("PUT", own_path(boss), {"name": "Chief"})
    assert renamed.status == 403
    assert browser("DELETE", own_path(boss)).status == 403
    assert browser("GET", own_path(boss)).body == {"user is": "Boss"}
