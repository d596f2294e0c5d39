"""The number of statements of each frequent operation. A number here changes only on purpose."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from tests.conftest import Api
from tests.v1.placing import place

Counted = Callable[[int], AbstractContextManager[Any]]
Product = Callable[..., int]

TRANSACTION = 2
"""BEGIN and COMMIT; inside a test SAVEPOINT and RELEASE."""
MOVING = TRANSACTION + 1
"""And the limit of its waits for locks."""
PLACING = TRANSACTION + 2
"""And how long it may wait for a lock, and its turn."""


@pytest.fixture
def exactly(django_assert_num_queries: Any, customer: Api, sessions_known: None) -> Counted:
    """`with exactly(2): …` fails unless two statements are run."""

    def counted(number: int) -> AbstractContextManager[Any]:
        customer("GET", "me")
        context: AbstractContextManager[Any] = django_assert_num_queries(number)
        return context

    return counted


def test_a_page_of_products_of_any_length_costs_one_statement(
    customer: Api, product: Product, exactly: Counted
) -> None:
    for _ in range(30):
        product()
    with exactly(1):  # products with their stock; the token is not looked up
        customer("GET", "products")
    with exactly(1):
        customer("GET", "products?limit=30&q=product&in_stock=true&ordering=-price")
    with exactly(2):  # and the count that was requested
        customer("GET", "products?count=true")
    with exactly(1):
        customer("GET", "products?sku=SKU-1&barcode=5012345678900")


@pytest.mark.parametrize("lines", [1, 3, 99])
def test_placing_any_number_of_lines_costs_seven_statements(
    customer: Api, product: Product, exactly: Counted, lines: int
) -> None:
    products = [product() for _ in range(lines)]
    # the customer's standing; the quota; the locks; offers under the locks; stock and ledger; the
    # order
    with exactly(PLACING + 6):
        place(customer, *[(one, 1) for one in products])
