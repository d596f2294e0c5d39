"""Contract 4: adding and removing units of the open order, and reading orders."""

from collections.abc import Callable

import pytest

from larder.catalog.services.products import archive_product
from tests.compat.conftest import ApiClient
from tests.compat.contract4 import lines
from tests.compat.documented import Documented
from tests.conftest import NOW, Person

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]


@pytest.fixture
def who(person: MakePerson) -> Person:
    """The customer."""
    return person()


@pytest.fixture
def other(person: MakePerson, client_of: Callable[[Person], ApiClient]) -> Documented:
    """Another customer."""
    return Documented("4", client_of(person()))


def test_the_body_of_an_addition_is_ignored(shopper: Documented, product: MakeProduct) -> None:
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


@pytest.mark.parametrize("action", ["add_to_order", "remove_from_order"])
def test_unknown_and_deleted_products_are_not_found(
    shopper: Documented, product: MakeProduct, action: str
) -> None:
    gone = product()
    archive_product(gone, caller=None, now=NOW)
    for id in (gone, 999_999, 0, 2**63 - 1, 2**63, 10**30):
        reply = shopper("POST", f"/products/{id}/{action}/")
        assert (reply.status, list(reply.body)) == (404, ["detail"])
    assert shopper("GET", "/orders/").body == []
