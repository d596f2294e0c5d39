"""Contract 3: placing an order, and the list of ordered lines."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.compat.conftest import ApiClient
from tests.compat.contract3 import As, Client
from tests.compat.documented import Documented
from tests.conftest import Person

MakeProduct = Callable[..., int]

ORDERS = "/api/order/"
CREATED = {"status": "created"}


@pytest.fixture
def client_of(client_of: Callable[[Person], ApiClient]) -> As:
    """A client as a person, held against the document."""
    return lambda who: Documented("3", client_of(who))


@pytest.fixture
def anyone(anyone: ApiClient) -> Client:
    """A client without credentials, held against the document."""
    return Documented("3", anyone)


def order(client: Client, *lines: tuple[int, int], **more: Any) -> int:
    body = {"products": [{"id": product, "quantity": units} for product, units in lines]} | more
    answer = client("POST", ORDERS, body)
    if answer.status == 201:
        assert answer.body == CREATED
    return answer.status


def stock(client: Client, product: int) -> int:
    found: int = client("GET", f"/api/product/{product}").body["stock"]
    return found


def rows(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client("GET", f"{ORDERS}?limit=1000").body["results"]
    return found


def test_a_key_gives_access_to_contract_3(
    person: Callable[..., Person], anyone: Client, product: MakeProduct
) -> None:
    who = person()
    credentials = {"username": who.customer.username, "password": who.password}
    key = anyone("POST", "/auth/", credentials).body["token"]
    client = partial(anyone, Authorization=f"Token {key}")
    assert order(client, (product(), 1)) == 201
    (row,) = rows(client)
    assert row["quantity"] == 1
