"""One database with six API versions: orders placed with one are shown by all others."""

from collections.abc import Callable, Iterator

import pytest

from tests.compat.conftest import ApiClient, assert_books_balance
from tests.compat.shops import PLACES
from tests.conftest import Person

PRICE = "2.25"


@pytest.fixture
def history(
    person: Callable[..., Person], client_of: Callable[[Person], ApiClient]
) -> Iterator[ApiClient]:
    """A customer's client; the books balance when the test is over."""
    yield client_of(person())
    assert_books_balance()


def test_a_sale_through_one_api_version_changes_the_stock_in_all(
    history: ApiClient, product: Callable[..., int]
) -> None:
    jam = product(stock=11, price=PRICE, name="Jam")
    for sold, place in enumerate(PLACES.values(), start=1):
        assert place(history, jam).status in {200, 201}
        left = 11 - 2 * sold
        assert history("GET", f"/api/v1/products/{jam}").body["quantity"] == left
        assert history("GET", f"/api/products/{jam}/").body["quantity"] == left
        assert history("GET", f"/api/catalog/products/{jam}/").body["quantity"] == left
        assert history("GET", f"/api/product/{jam}").body["stock"] == left
        assert history("GET", f"/products/{jam}/").body["quantity_in_stock"] == left
    for name, place in PLACES.items():
        if name != "contract 4":
            assert place(history, jam).status in {400, 409}
    assert history("GET", f"/api/v1/products/{jam}").body["quantity"] == 1


def test_one_key_and_one_name_work_at_every_api_version(
    anyone: ApiClient, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    who = person("Ann of the Shop")
    product(stock=1)
    credentials = {"username": "ann OF the shop", "password": who.password}
    key = anyone("POST", "/auth/", credentials).body["token"]
    named = {"name": credentials["username"], "password": who.password}
    tokens = [
        f"Token {key}",
        "Bearer " + anyone("POST", "/api/token/", credentials).body["access"],
        "Bearer " + anyone("POST", "/api/token/", named).body["access"],
        "Bearer " + anyone("POST", "/api/identity/token/", credentials).body["access"],
        "Bearer " + anyone("POST", "/api/v1/auth/token", credentials).body["access"],
    ]
    paths = ("/api/v1/me", "/api/products/", "/api/", "/api/product/", "/products/", "/orders/")
    for token in tokens:
        for path in paths:
            assert anyone("GET", path, Authorization=token).status == 200, (path, token)


def test_deleting_an_account_ends_access_to_all_versions_and_keeps_orders(
    anyone: ApiClient, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    who = person("Ann")
    jam = product(stock=5)
    credentials = {"username": "Ann", "password": who.password}
    key = f"Token {anyone('POST', '/auth/', credentials).body['token']}"
    access = f"Bearer {anyone('POST', '/api/token/', credentials).body['access']}"
    assert PLACES["contract 3"](ApiClient(anyone.server, key), jam).status == 201
    assert anyone("DELETE", "/api/v1/me", Authorization=access).status == 204
    for token in (key, access):
        for path in ("/api/products/", "/api/", "/api/product/", "/products/"):
            assert anyone("GET", path, Authorization=token).status == 401
    assert anyone("POST", "/auth/", credentials).status == 400
    assert anyone("POST", "/api/token/", credentials).status == 401
    assert anyone("POST", "/api/register/", {"name": "Ann", "password": who.password}).status == 201
    assert_books_balance()
