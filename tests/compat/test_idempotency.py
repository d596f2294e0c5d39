"""Contracts 2 and 3 place one order for each `Idempotency-Key`, as v1 does."""

from collections.abc import Callable

import pytest

from tests.compat.conftest import ApiClient
from tests.compat.shops import Client, Contract, of

MakeProduct = Callable[..., int]


@pytest.fixture
def app(contract: Contract, shopper: ApiClient) -> Client:
    return shopper


@of("2")
def test_a_repeat_returns_the_current_order(
    contract: Contract, app: Client, shopper: ApiClient, product: MakeProduct
) -> None:
    jam = product(stock=9)
    place = contract.order(app, [(jam, 2)])
    first = place(Idempotency_Key="one").body
    lines = [{"product": jam, "quantity": 1}]
    path = f"/api/v1/orders/{first['public_id']}"
    assert shopper("PATCH", path, {"lines": lines}).status == 200
    again = place(Idempotency_Key="one")
    assert [item["quantity"] for item in again.body["order_items"]] == [1]
