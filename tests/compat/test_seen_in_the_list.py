"""Orders through an earlier contract are in the list of v1 at once, also with cached pages."""

from collections.abc import Callable
from uuid import uuid4

from tests.compat.conftest import ApiClient


def test_the_list_shows_the_remaining_units_at_once(
    shopper: ApiClient, product: Callable[..., int]
) -> None:
    jam = product(stock=30)
    for left in range(29, 0, -1):
        assert shopper("GET", "/api/v1/products").body["results"][0]["quantity"] == left + 1
        body = {"products": [{"id": jam, "quantity": 1}]}
        assert shopper("POST", f"/api/orders/{uuid4()}/", body).status == 201
        assert shopper("GET", "/api/v1/products").body["results"][0]["quantity"] == left
