"""Contracts 2 and 3 place one order for each `Idempotency-Key`, as v1 does."""

from collections.abc import Callable

import pytest

from tests.compat.conftest import ApiClient, assert_books_balance
from tests.compat.documented import Documented
from tests.compat.shops import Client, Contract, of
from tests.conftest import Person
from tests.system.race.books import orders_of, shelf

MakeProduct = Callable[..., int]
ClientOf = Callable[[Person], ApiClient]
OTHER = {"detail": "The key or id was used for a different request; send a new one."}


@pytest.fixture
def app(contract: Contract, shopper: ApiClient) -> Client:
    return Documented(contract.name, shopper)


@of("2", "3")
def test_a_repeat_with_the_key_returns_the_same_order(
    contract: Contract, app: Client, keeper: ApiClient, product: MakeProduct
) -> None:
    jam = product(stock=9)
    place = contract.order(app, [(jam, 2)])
    first = place(Idempotency_Key="one")
    assert (first.status, "idempotency-replayed" in first.headers) == (201, False)
    keeper("DELETE", contract.product.format(product=jam))
    again = place(Idempotency_Key="one")
    assert (again.status, again.headers["idempotency-replayed"]) == (201, "true")
    assert (again.body, again.headers.get("location")) == (
        first.body,
        first.headers.get("location"),
    )
    assert (orders_of(jam), shelf(jam).sold) == (1, 2)
    assert_books_balance()


@of("2", "3")
def test_a_request_with_another_key_or_none_places_another_order(
    contract: Contract, app: Client, product: MakeProduct
) -> None:
    jam = product(stock=9)
    place = contract.order(app, [(jam, 1)])
    answers = [place(Idempotency_Key="one"), place(Idempotency_Key="two"), place(), place()]
    assert [one.status for one in answers] == [201] * 4
    assert orders_of(jam) == 4


@of("2", "3")
def test_keys_of_different_customers_are_separate(
    contract: Contract,
    person: Callable[..., Person],
    client_of: ClientOf,
    product: MakeProduct,
) -> None:
    jam = product(stock=9)
    for _ in range(2):
        place = contract.order(client_of(person()), [(jam, 1)])
        assert "idempotency-replayed" not in place(Idempotency_Key="one").headers
    assert orders_of(jam) == 2


@of("2", "3")
def test_the_key_with_another_body_is_refused(
    contract: Contract, app: Client, product: MakeProduct
) -> None:
    jam = product(stock=9)
    contract.order(app, [(jam, 2)])(Idempotency_Key="one")
    other = contract.order(app, [(jam, 3)])(Idempotency_Key="one")
    assert (other.status, other.body) == (422, OTHER)
    assert other.headers["content-type"] == "application/json"
    # The lines are compared by their units, as in v1.
    same = contract.order(app, [(jam, 1), (jam, 1)])(Idempotency_Key="one")
    assert same.headers["idempotency-replayed"] == "true"
    assert shelf(jam).sold == 2


@of("2", "3")
def test_a_refused_order_releases_its_key(
    contract: Contract, app: Client, product: MakeProduct
) -> None:
    jam = product(stock=1)
    assert contract.order(app, [(jam, 2)])(Idempotency_Key="one").status == 400
    assert contract.order(app, [(jam, 1)])(Idempotency_Key="one").status == 201


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
    assert [one["quantity"] for one in again.body["order_items"]] == [1]
