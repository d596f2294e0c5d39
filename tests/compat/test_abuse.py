"""Requests with which a hostile client tries to slow the server down, to cause errors or to gain
rights.
"""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from larder.identity.models import Customer
from tests.compat.conftest import ApiClient
from tests.conftest import Person
from tests.server import Server

SOON = 3.0
"""Seconds within which a busy machine answers what is refused without work."""

MARKS = "a" + "\u0300\u0316" * 1_300
"""As many combining marks as 16 KB hold: normalising puts those of two classes in order."""


def took(call: Callable[[], Any], *, status: int) -> float:
    began = time.monotonic()
    assert call().status == status
    return time.monotonic() - began


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/auth/", {"username": MARKS, "password": "x"}, 400),
        ("/api/token/", {"username": MARKS, "password": "x"}, 401),
        ("/api/token/", {"name": MARKS, "password": "x"}, 401),
        ("/api/identity/token/", {"username": MARKS, "password": "x"}, 401),
        ("/api/register/", {"name": MARKS, "password": "correct horse"}, 400),
    ],
)
def test_a_name_that_is_slow_to_normalise_is_refused_before_normalisation(
    anyone: ApiClient, path: str, body: dict[str, str], status: int
) -> None:
    assert took(lambda: anyone("POST", path, body), status=status) < SOON


def test_a_keyword_longer_than_a_name_is_not_searched(
    shopper: ApiClient, product: Callable[..., int]
) -> None:
    product(name="Jam")
    path = f"/api/product/?keyword={'a' * 40_000}"
    assert took(lambda: shopper("GET", path), status=200) < SOON
    assert shopper("GET", path).body["count"] == 0


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (f"/api/orders/{uuid4()}/", "products"),
        ("/api/order/", "products"),
        ("/api/orders/orders/", "order_items"),
    ],
    ids=["contract 1", "contract 3", "contract 2"],
)
def test_too_many_lines_are_counted_and_not_read(shopper: ApiClient, path: str, name: str) -> None:
    body: Any = {name: [{}] * 60_000}
    assert took(lambda: shopper("POST", path, body), status=400) < SOON
    refused = shopper("POST", path, body)
    assert refused.body == {name: ["Ensure this field has no more than 1000 elements."]}


CHARSETS = ("rot13", "punycode", "idna", "unicode_escape", "undefined", "utf-7", "zlib")


@pytest.mark.parametrize("path", ["/livez?x=%41", "/api/v1/docs?x=%41", "/?x=%41", "/auth/"])
@pytest.mark.parametrize("parameter", [*(f"charset={one}" for one in CHARSETS), "c*=utf-8''%00"])
def test_an_unusual_charset_causes_no_error(anyone: ApiClient, path: str, parameter: str) -> None:
    sent: Any = {"Content-Type": f"application/x-www-form-urlencoded; {parameter}"}
    reply = anyone("POST", path, b"username=%41&password=b", **sent)
    assert reply.status < 500
    assert reply.headers["correlation-id"]


def test_a_query_cannot_contain_text_that_the_database_refuses(shopper: ApiClient) -> None:
    sent: Any = {"Content-Type": "text/plain; charset=unicode_escape"}
    for path in ("/api/product/?keyword=", "/api/v1/products?q="):
        assert shopper("GET", path + quote("\\ud800"), **sent).status < 500


def test_a_form_in_latin_1_is_still_read(anyone: ApiClient, person: Callable[..., Person]) -> None:
    who = person("Zoë")
    body = f"username=Zo%EB&password={quote(who.password)}".encode()
    sent: Any = {"Content-Type": "application/x-www-form-urlencoded; charset=iso-8859-1"}
    assert anyone("POST", "/auth/", body, **sent).status == 200


class TestRank:
    """Staff may change customers; only superusers may change staff."""

    @pytest.fixture
    def above(self, person: Callable[..., Person]) -> Person:
        return person("boss", is_staff=True, is_superuser=True)

    def test_staff_cannot_change_or_delete_other_staff(
        self, keeper: ApiClient, above: Person
    ) -> None:
        path = f"/api/identity/customers/{above.id}/"
        assert keeper("PATCH", path, {"username": "nobody"}).status == 403
        assert keeper("PUT", path, {"username": "nobody"}).status == 403
        assert keeper("DELETE", path).status == 403
        assert keeper("DELETE", f"/api/user/{above.customer.public_id.hex}").status == 403
        assert Customer.objects.get(pk=above.id).username == "boss"

    def test_staff_change_themselves_and_customers(
        self, client_of: Callable[[Person], ApiClient], person: Callable[..., Person]
    ) -> None:
        clerk, ann = person(is_staff=True), person("Ann")
        for id, name in ((clerk.id, "the clerk"), (ann.id, "Anna")):
            path = f"/api/identity/customers/{id}/"
            assert client_of(clerk)("PATCH", path, {"username": name}).status == 200
        assert client_of(clerk)("DELETE", f"/api/user/{ann.customer.public_id.hex}").status == 200

    def test_a_superuser_changes_and_deletes_staff(
        self, client_of: Callable[[Person], ApiClient], above: Person, person: Callable[..., Person]
    ) -> None:
        clerk = person(is_staff=True)
        path = f"/api/identity/customers/{clerk.id}/"
        assert client_of(above)("PATCH", path, {"username": "the clerk"}).status == 200
        assert client_of(above)("DELETE", path).status == 204


ELSEWHERE: list[Any] = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
]


@pytest.mark.parametrize("sent", ELSEWHERE)
def test_another_site_cannot_use_a_password_stored_by_the_browser(
    by_password: Callable[[Person], ApiClient],
    person: Callable[..., Person],
    product: Callable[..., int],
    sent: Any,
) -> None:
    who, jam = by_password(person()), product(stock=3)
    path = f"/products/{jam}/add_to_order/"
    assert who("POST", path, **sent).status == 403
    assert who("GET", "/orders/", **sent).body == []
    assert who("POST", path).status == 200


def test_a_page_of_the_shop_can_use_a_password_stored_by_the_browser(
    by_password: Callable[[Person], ApiClient],
    running: Server,
    person: Callable[..., Person],
    product: Callable[..., int],
) -> None:
    sent: Any = {"Origin": f"http://127.0.0.1:{running.port}", "Sec-Fetch-Site": "same-origin"}
    jam = product(stock=3)
    assert by_password(person())("POST", f"/products/{jam}/add_to_order/", **sent).status == 200


@pytest.mark.parametrize(
    "name",
    [
        *("a\nb", "a\x1bb", "a\u200bb", "\u202eadmin", "a\u00adb"),
        # Fillers and selectors, and joiners that join nothing.
        *("ada\u3164", "ada\u2800", "ada\ufe0f", "ada\U000e0101", "ada\u200d", "\u200cada"),
        *(
            "ada\u2065",
            "ada\u180f",
            "\u062f\u200c\u0627",
            "ada\u1680l",
            "ada\ufff0",
            "ada\U00016fe4",
            "\u674e\u200d\u660e",
            "\u0645\u062f\u200c",
        ),
    ],
)
def test_a_name_with_invisible_characters_is_refused(anyone: ApiClient, name: str) -> None:
    refused = anyone("POST", "/api/register/", {"name": name, "password": "correct horse"})
    assert refused.status == 400
    body = {"username": name, "password": "correct horse"}
    assert anyone("POST", "/api/v1/auth/register", body).status == 400
    assert not Customer.objects.exists()


def test_a_name_with_joiners_is_accepted(anyone: ApiClient) -> None:
    name = "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627"
    body = {"name": name, "password": "correct horse"}
    assert anyone("POST", "/api/register/", body).status == 201


def test_an_id_of_no_product_is_an_unknown_product(shopper: ApiClient) -> None:
    for id in (0, -1, 999_999_999):
        for path in (f"/api/orders/{uuid4()}/", "/api/order/"):
            refused = shopper("POST", path, {"products": [{"id": id, "quantity": 1}]})
            assert refused.status == 400
            assert str(id) in refused.body["detail"]


@pytest.mark.parametrize("product", [5, True, 5.0, None, {}])
def test_a_public_id_that_is_not_text_is_malformed(shopper: ApiClient, product: Any) -> None:
    items = {"order_items": [{"product": product, "quantity": 1}]}
    assert list(shopper("POST", "/api/orders/orders/", items).body) == ["order_items"]
