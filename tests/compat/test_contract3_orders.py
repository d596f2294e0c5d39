"""Contract 3: placing an order, and the list of ordered lines."""

from collections.abc import Callable
from functools import partial
from typing import Any

from tests.compat.contract3 import Client
from tests.conftest import Person

MakeProduct = Callable[..., int]

ORDERS = "/api/order/"
CREATED = {"status": "created"}


def order(client: Client, *lines: tuple[int, int], **more: Any) -> int:
    body = {"products": [{"id": product, "quantity": units} for product, units in lines]} | more
    answer = client("POST", ORDERS, body)
    if answer.status == 201:
        assert answer.body == CREATED
    return answer.status


def rows(client: Client) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = client("GET", f"{ORDERS}?limit=1000").body["results"]
    return results


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
