"""Contract 1: customers read their orders."""

from collections.abc import Callable
from uuid import uuid4

from tests.compat.conftest import ApiClient

MakeProduct = Callable[..., int]


def order(client: ApiClient, product: int, quantity: int = 1) -> str:
    """Places an order and returns its id."""
    id = str(uuid4())
    body = {"products": [{"id": product, "quantity": quantity}]}
    answer = client("POST", f"/api/orders/{id}/", body)
    assert answer.status == 201, answer.body
    return id


def test_the_history_has_pages_of_ten_newest_first(
    shopper: ApiClient, product: MakeProduct
) -> None:
    jam = product(stock=100)
    placed = [order(shopper, jam) for _ in range(21)]
    here = f"http://127.0.0.1:{shopper.server.port}/api/orders/"
    pages = [shopper("GET", f"/api/orders/{page}").body for page in ("", "?page=2", "?page=3")]
    ids = [row["id"] for page in pages for row in page["results"]]
    assert ids == placed[::-1]
    assert [len(page["results"]) for page in pages] == [10, 10, 1]
    assert {page["count"] for page in pages} == {21}
    assert [page["next"] for page in pages] == [f"{here}?page=2", f"{here}?page=3", None]
    assert [page["previous"] for page in pages] == [None, here, f"{here}?page=2"]
    times = [row["created_at"] for page in pages for row in page["results"]]
    assert times == sorted(times, reverse=True)


def test_orders_placed_through_v1_are_in_the_history(
    shopper: ApiClient, product: MakeProduct
) -> None:
    jam = product(price="2.345", name="Jam")
    body = {"lines": [{"product": jam, "quantity": 3}], "note": "ring twice"}
    placed = shopper("POST", "/api/v1/orders", body)
    assert placed.status == 201
    order = shopper("GET", f"/api/orders/{placed.body['id']}/").body
    assert (order["id"], order["total"]) == (placed.body["id"], "7.04")
    assert order["products"] == [{"id": jam, "name": "Jam", "price": "2.35", "quantity": 3}]
    assert shopper("GET", "/api/orders/").body["results"] == [order]
