"""Contract 4: adding and removing units of the open order, and reading orders."""

from collections.abc import Callable

from tests.compat.conftest import ApiClient
from tests.compat.contract4 import lines

MakeProduct = Callable[..., int]


def test_the_body_of_an_addition_is_ignored(shopper: ApiClient, product: MakeProduct) -> None:
    jam = product()
    for body in (None, b"", b"{", b"[1]", {"quantity": 50}, b"\xff", b"[" * 10_000):
        assert shopper("POST", f"/products/{jam}/add_to_order/", body).status == 200
    for kind in ("text/plain", "application/x-www-form-urlencoded", "x"):
        reply = shopper("POST", f"/products/{jam}/add_to_order/", b"quantity=9", Content_Type=kind)
        assert reply.status == 200
    order = shopper("GET", "/orders/current/").body
    assert lines(order) == [(jam, 10)]
    assert shopper("POST", f"/products/{jam}/remove_from_order/", b"{").status == 200
    assert shopper("POST", f"/orders/{order['id']}/submit/", b"{").status == 200
