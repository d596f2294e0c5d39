"""Contract 1: refused orders and the sequence of checks."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from larder.catalog.services.products import archive_product
from larder.core.clock import now
from larder.inventory.models import Stock
from tests.compat.conftest import ApiClient
from tests.compat.documented import Documented
from tests.conftest import Person

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
ClientOf = Callable[[Person], ApiClient]


@pytest.fixture
def buyer(shopper: ApiClient) -> Documented:
    """A customer; the document of the contract judges every answer."""
    return Documented("1", shopper)


def left(product: int) -> int:
    return int(Stock.objects.get(product_id=product).available)


def at(id: object) -> str:
    return f"/api/orders/{id}/"


NO_LINES: list[Any] = [1, "x", None, [], [1], {}, {"id": 1}, {"quantity": 1}]


def test_more_than_a_thousand_lines_are_400(buyer: Documented, product: MakeProduct) -> None:
    lines = [{"id": product(), "quantity": 1}] * 1_001
    answer = buyer("POST", at(uuid4()), {"products": lines})
    assert (answer.status, list(answer.body)) == (400, ["products"])


def test_an_unknown_product_is_named_and_the_id_can_be_used_again(
    buyer: Documented, product: MakeProduct
) -> None:
    jam, gone, id = product(stock=5), product(), uuid4()
    archive_product(gone, caller=None, now=now())
    for missing in (987_654, gone, 2**63 - 1):
        lines = [{"id": jam, "quantity": 1}, {"id": missing, "quantity": 1}]
        answer = buyer("POST", at(id), {"products": lines})
        assert (answer.status, list(answer.body)) == (400, ["detail"])
        assert str(missing) in answer.body["detail"]
        assert buyer("GET", at(id)).status == 404
    assert left(jam) == 5
    assert buyer("POST", at(id), {"products": lines[:1]}).status == 201


# The order of checks: each test has one fault of two kinds at once.
