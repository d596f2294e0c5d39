"""Contract 1: refused orders and the sequence of checks."""

from collections.abc import Callable
from uuid import uuid4

from larder.catalog.services.products import archive_product
from larder.core.clock import now
from larder.inventory.models import Stock
from tests.compat.conftest import ApiClient

MakeProduct = Callable[..., int]


def left(product: int) -> int:
    return int(Stock.objects.get(product_id=product).available)


def at(id: object) -> str:
    return f"/api/orders/{id}/"


def test_more_than_a_thousand_lines_are_400(shopper: ApiClient, product: MakeProduct) -> None:
    lines = [{"id": product(), "quantity": 1}] * 1_001
    answer = shopper("POST", at(uuid4()), {"products": lines})
    assert (answer.status, list(answer.body)) == (400, ["products"])


def test_an_unknown_product_is_named_and_the_id_can_be_used_again(
    shopper: ApiClient, product: MakeProduct
) -> None:
    jam, gone, id = product(stock=5), product(), uuid4()
    archive_product(gone, caller=None, now=now())
    for missing in (987_654, gone, 2**63 - 1):
        lines = [{"id": jam, "quantity": 1}, {"id": missing, "quantity": 1}]
        answer = shopper("POST", at(id), {"products": lines})
        assert (answer.status, list(answer.body)) == (400, ["detail"])
        assert str(missing) in answer.body["detail"]
        assert shopper("GET", at(id)).status == 404
    assert left(jam) == 5
    assert shopper("POST", at(id), {"products": lines[:1]}).status == 201


# The order of checks: each test has one fault of two kinds at once.
