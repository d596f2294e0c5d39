"""Orders through v1."""

from collections.abc import Callable

from tests.conftest import Api


def test_an_order_is_placed_and_stands_in_the_history(
    customer: Api, product: Callable[..., int]
) -> None:
    jam = product(stock=5, price="2.20")
    placed = customer("POST", "orders", {"lines": [{"product": jam, "quantity": 3}]})
    assert (placed.status, placed.body["total"]) == (201, "6.60")
    history = customer("GET", "orders")
    assert [one["id"] for one in history.body["results"]] == [placed.body["id"]]
