"""Hostile requests at the earlier contracts are refused in a documented format, never with a 5xx.

Every answer is checked against the document of the contract.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from larder.core.limits import MAX_OPEN_BODY_BYTES
from tests.compat.browser import Browser
from tests.compat.conftest import ApiClient, assert_books_balance
from tests.compat.documented import Documented
from tests.compat.shops import Contract, of, paths_of
from tests.conftest import Person
from tests.server import Reply

every_contract = of("0", "1", "2", "3", "4")
every_shop = of("1", "2", "3", "4")


@dataclass(frozen=True, slots=True)
class Shop:
    """A contract with a customer, staff and one product; each client is judged."""

    contract: Contract
    clients: dict[str, Documented]
    ids: dict[str, str]

    def write(self, body: Any = None, **options: Any) -> list[tuple[str, str, Reply]]:
        """Sends a body in every way that writes: by whom, method, answer."""
        return [
            (by, method, self.clients[by](method, path.format(**self.ids), body, **options))
            for by, method, path in self.contract.ways_to_write
        ]

    def statuses(self, body: Any = None, **options: Any) -> set[int]:
        return {reply.status for _, _, reply in self.write(body, **options)}

    def state(self) -> list[Any]:
        """All that requests could change."""
        paths = ("/api/v1/products", "/api/user/", "/api/identity/customers/")
        seen = [self.clients["staff"]("GET", path).body for path in paths]
        return [*seen, self.clients["customer"]("GET", "/orders/").body]


@pytest.fixture
def shop(
    contract: Contract,
    anyone: ApiClient,
    client_of: Callable[[Person], ApiClient],
    keeper: ApiClient,
    person: Callable[..., Person],
    product: Callable[..., int],
) -> Shop:
    who = person("mary")
    callers = {"anyone": anyone, "customer": client_of(who), "staff": keeper}
    clients = {name: Documented(contract.name, one) for name, one in callers.items()}
    return Shop(contract, clients, paths_of(who, product(stock=5, name="Jam")))


DEEP = 10_000
NO_JSON: dict[str, bytes] = {
    "cut off": b'{"username": "eve", "products": [',
    "no JSON": b"username=eve",
    "two values": b"{} {}",
    "bytes that are no text": b'{"username": "\xff", "name": "\xff"}',
    "bytes alone": b"\xff",
    "a bare NUL": b"\0",
    "NaN": b"NaN",
    "a price that is no number": b'{"name": "Eve", "price": NaN}',
    "minus infinity": b'{"name": "Jam", "price": 1, "quantity_in_stock": -Infinity}',
    "many digits": b'{"products": ' + b"9" * 10_000 + b"}",
    "a lone surrogate": b'{"username": "\\ud800", "name": "\\ud800", "token": "\\ud800"}',
    "lists in lists": b"[" * DEEP + b"]" * DEEP,
    "fewer lists in lists": b"[" * 8_000 + b"]" * 8_000,
    "objects in objects": b'{"name":' * DEEP + b"1" + b"}" * DEEP,
    "fewer objects in objects": b'{"name":' * 1_600 + b"1" + b"}" * 1_600,
    "objects without an end": b'{"products":' * DEEP,
    "a deep field": b'{"name": "Eve", "products": ' + b"[" * 8_000 + b"]" * 8_000 + b"}",
}
NO_OBJECT: dict[str, bytes] = {
    "an empty list": b"[]",
    "a list": b'[{"username": "eve", "name": "Eve", "price": "1", "quantity_in_stock": 1}]',
    "text": b'"eve"',
    "a number": b"1",
    "a huge number": b"1" + b"0" * 30,
    "null": b"null",
    "true": b"true",
}


@every_contract
def test_an_invalid_body_is_400_and_changes_nothing(shop: Shop) -> None:
    before = shop.state()
    for kind, body in (NO_JSON | NO_OBJECT).items():
        field = "non_field_errors" if kind in NO_OBJECT else "detail"
        for by, method, reply in shop.write(body):
            is_long = by == "anyone" and len(body) > MAX_OPEN_BODY_BYTES
            expected = (413, ["detail"]) if is_long else (400, [field])
            assert (reply.status, list(reply.body)) == expected, (kind, method)
    assert shop.state() == before
    assert_books_balance()


@every_contract
def test_a_body_without_known_fields_is_refused_or_changes_nothing(shop: Shop) -> None:
    before = shop.state()
    for body in (None, b"", b"{}", b'{"\\udfff": 1}'):
        for _, method, reply in shop.write(body):
            assert reply.status == 400 or (method, reply.status) == ("PATCH", 200), body
    assert shop.state() == before


FIELDS = (
    *("username", "name", "password", "password2", "email", "first_name", "token", "refresh"),
    *("description", "price", "quantity", "stock", "quantity_in_stock"),
    *("products", "items", "order_items"),
)
REFUSED: list[Any] = [
    *({}, {"a": [1]}, [[]], [None], 10**30, -(10**30), 1.5e300, False, "\0", "Eve\0", "\ud800"),
]
SURVIVED: list[Any] = [
    *(None, True, -1, 1e308, "", [], "\U0001f600" * 400, "x" * 5000, "١٢", "1e5", "\u202e"),
    *([{"product": None}], [{"id": None}]),
]


@every_contract
def test_a_value_that_no_field_accepts_is_refused_and_changes_nothing(shop: Shop) -> None:
    before = shop.state()
    for value in REFUSED:
        assert shop.statuses(dict.fromkeys(FIELDS, value)) <= {400, 401}, value
    assert shop.state() == before


@every_contract
def test_no_value_of_any_field_causes_a_5xx(shop: Shop) -> None:
    """Each answer is one that the document has, and none is a 5xx."""
    for value in SURVIVED:
        assert max(shop.statuses(dict.fromkeys(FIELDS, value))) < 500, value
    assert_books_balance()


@of("1", "2", "3")
def test_a_line_with_an_invalid_value_is_refused(shop: Shop) -> None:
    (path,) = [path for _, _, path in shop.contract.ways_to_write if "/order" in path]
    lines, product = shop.contract.line
    for field, value in [(field, value) for field in (product, "quantity") for value in SURVIVED]:
        body = {lines: [{product: 987_654, "quantity": 1, field: value}]}
        assert shop.clients["customer"]("POST", path, body).status == 400, (field, value)
    endless = json.dumps({lines: [{product: 987_654, "quantity": 7}]}).replace("7}", "1e999}")
    reply = shop.clients["customer"]("POST", path, endless.encode())
    assert (reply.status, list(reply.body)) == (400, [lines])
    assert_books_balance()


NO_TEXT: list[Any] = [{"a": ["b"]}, "x" * 1_000_000]
NO_PRICE: list[Any] = ["1" * 5_000, "1e400", "-1e400", [1], 1e300]
NO_STOCK: list[Any] = ["9" * 5_000, 1e300, {"a": 1}, -(10**30)]


@of("2", "3", "4")
def test_values_beyond_all_limits_are_refused_with_the_field(shop: Shop) -> None:
    path, _, _ = shop.contract.product.partition("{")
    fields = {"name": NO_TEXT, "price": NO_PRICE, shop.contract.stock: NO_STOCK}
    for name, value in [(name, value) for name, values in fields.items() for value in values]:
        reply = shop.clients["staff"]("POST", path, shop.contract.new_product | {name: value})
        assert (reply.status, list(reply.body)) == (400, [name]), (name, str(value)[:20])
        assert [type(one) for one in reply.body[name]] == [str]


@every_contract
def test_a_body_of_three_megabytes_is_413(shop: Shop) -> None:
    for _, method, reply in shop.write({"name": "n" * 3_000_000}):
        assert (reply.status, list(reply.body)) == (413, ["detail"]), method
    for path in shop.contract.actions:
        reply = shop.clients["customer"]("POST", path.format(**shop.ids), b"x" * 3_000_000)
        assert (reply.status, list(reply.body)) == (413, ["detail"]), path


@every_contract
def test_a_body_of_another_type_is_415(shop: Shop) -> None:
    for kind in ("text/plain", "application/xml", "application/x-nothing", "x", ""):
        for _, method, reply in shop.write(b"{}", Content_Type=kind):
            assert (reply.status, list(reply.body)) == (415, ["detail"]), (kind, method)


@every_contract
def test_only_public_operations_accept_forms(shop: Shop) -> None:
    for by, method, reply in shop.write(form={"name": "Jam", "price": "1", "products": "1"}):
        if by != "anyone":
            assert (reply.status, list(reply.body)) == (415, ["detail"]), method


@every_contract
def test_only_public_operations_accept_chunked_bodies(shop: Shop) -> None:
    """A chunked body could be incomplete."""
    before = shop.state()
    raw = json.dumps({"name": "eve", "username": "eve"} | dict.fromkeys(("password", "price"), "1"))
    pieces = [raw[at : at + 7].encode() for at in range(0, len(raw), 7)]
    body = b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in pieces) + b"0\r\n\r\n"
    for by, method, reply in shop.write(body, Transfer_Encoding="chunked"):
        if by == "anyone":
            assert reply.status in {400, 401}, method
            assert not {"name", "username"} & reply.body.keys()
        else:
            assert (reply.status, list(reply.body)) == (411, ["detail"]), method
    assert shop.state() == before


@every_shop
def test_answers_are_only_json_or_html(shop: Shop) -> None:
    for path in shop.contract.lists:
        reply = shop.clients["customer"]("GET", path.format(**shop.ids), Accept="text/csv")
        assert reply.status == 406, path


@of("4")
def test_browsers_get_json_as_well(shop: Shop) -> None:
    for path in shop.contract.lists:
        accept = "text/html,application/xhtml+xml,*/*;q=0.8"
        reply = shop.clients["customer"]("GET", path, Accept=accept)
        assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
        assert shop.clients["customer"]("GET", path, Accept="text/html").status == 406


@every_shop
def test_the_correlation_id_of_a_request_is_returned(shop: Shop) -> None:
    sent = "0123456789abcdef0123456789abcdef"
    for path in (*shop.contract.lists, shop.contract.details[0], "/api/product/x"):
        reply = shop.clients["customer"]("GET", path.format(**shop.ids), Correlation_ID=sent)
        assert reply.headers["correlation-id"] == sent


QUERIES = (
    *("limit=%00", "offset=%00", "page=%00", "limit=%ff", "limit=1e9", "format=xml"),
    *("limit=" + "9" * 40, "page=" + "9" * 40),
)


@every_shop
def test_no_query_causes_a_5xx(shop: Shop) -> None:
    for path in shop.contract.lists:
        for query in QUERIES:
            reply = shop.clients["customer"].client("GET", path.format(**shop.ids) + f"?{query}")
            assert reply.status in {200, 404}, (path, query)


@every_shop
def test_an_id_that_is_not_a_number_is_not_found(shop: Shop) -> None:
    paths = [("GET", path) for path in shop.contract.details]
    paths += [("POST", path) for path in shop.contract.actions]
    for id in ("-1", "1.0", "x", "%00", "1%20", "%D9%A1"):
        for method, path in paths:
            reply = shop.clients["staff"].client(
                method, path.format_map(dict.fromkeys(shop.ids, id))
            )
            assert (reply.status, "detail" in reply.body) == (404, True), (path, id)


CREDENTIALS = {
    "a word": "Bearer",
    "no token": "Bearer ",
    "two tokens": "Bearer a b",
    "not Unicode": "Bearer \xff",
    "no key": "Token x",
    "a password": "Basic YTpi",
    "endless": "Bearer " + "x" * 20_000,
}


@every_shop
def test_invalid_credentials_are_401(shop: Shop) -> None:
    for kind, credentials in CREDENTIALS.items():
        for path in shop.contract.lists:
            reply = shop.clients["anyone"](
                "GET", path.format(**shop.ids), Authorization=credentials
            )
            assert reply.status == 401, (kind, path)


@of("1", "2", "3")
def test_the_admins_cookie_writes_only_with_the_csrf_token(
    shop: Shop, person: Callable[..., Person]
) -> None:
    boss = person(is_staff=True, is_superuser=True)
    browser = Browser(shop.clients["anyone"].client.server)
    browser.log_in(boss.customer.username, boss.password)
    jam = int(shop.ids["product"])
    paths = paths_of(boss, jam)
    before = shop.state()
    ways = [(method, path) for by, method, path in shop.contract.ways_to_write if by != "anyone"]
    ways += [("DELETE", shop.contract.account), ("DELETE", shop.contract.product)]
    for method, path in ways:
        refused = browser(method, path.format(**paths), {"name": "Chief"})
        assert (refused.status, list(refused.body)) == (403, ["detail"]), path
    assert shop.state() == before
    order = shop.contract.order(browser, [(jam, 1)])
    assert order().status == 403
    assert order(X_CSRFToken=browser.cookies["csrftoken"]).status == 201
