"""How many statements each hot operation costs: a number here changes on purpose or not at all.

A request is made before each count: once in ten seconds a request also reads the sessions that
ended lately (larder/api/authentication.py), and that must not be the one that is counted.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from larder.common.ids import new_id
from tests.api.v1.test_orders import place
from tests.conftest import Api

Counted = Callable[[int], AbstractContextManager[Any]]
Product = Callable[..., int]

TRANSACTION = 2
"""BEGIN and COMMIT; inside a test SAVEPOINT and RELEASE."""


@pytest.fixture
def exactly(django_assert_num_queries: Any, customer: Api) -> Counted:
    """`with exactly(2): …` fails unless two statements are run."""

    def counted(number: int) -> AbstractContextManager[Any]:
        customer("GET", "me")
        context: AbstractContextManager[Any] = django_assert_num_queries(number)
        return context

    return counted


def test_a_page_of_products_is_one_statement_however_long(
    customer: Api, product: Product, exactly: Counted
) -> None:
    for _ in range(30):
        product()
    with exactly(1):  # products with their stock; the token is not looked up
        customer("GET", "products")
    with exactly(1):
        customer("GET", "products?limit=30&q=product&in_stock=true&ordering=-price")
    with exactly(2):  # and the count that was asked for
        customer("GET", "products?count=true")


def test_a_product_is_one_statement(customer: Api, product: Product, exactly: Counted) -> None:
    jam = product()
    with exactly(1):
        customer("GET", f"products/{jam}")


def test_stock_figures_are_one_statement(customer: Api, product: Product, exactly: Counted) -> None:
    asked = ",".join(str(product()) for _ in range(5))
    with exactly(1):
        customer("GET", f"stock?products={asked}")


@pytest.mark.parametrize("lines", [1, 3, 100])
def test_placing_is_five_statements_however_many_lines(
    customer: Api, product: Product, exactly: Counted, lines: int
) -> None:
    products = [product() for _ in range(lines)]
    # the customer's standing; the locks; offers under the locks; stock and ledger; the order
    with exactly(TRANSACTION + 5):
        place(customer, *[(one, 1) for one in products])


def test_a_key_costs_placing_one_statement_and_a_chosen_id_two(
    customer: Api, product: Product, exactly: Counted
) -> None:
    jam = product(stock=99)
    with exactly(TRANSACTION + 5 + 1):  # the claim
        place(customer, (jam, 1), headers={"Idempotency_Key": "a"})
    with exactly(TRANSACTION + 5 + 2):  # the claim; is it the id of an order that had no claim?
        place(customer, (jam, 1), id=str(new_id()))
    with exactly(TRANSACTION + 5 + 2):  # one claim for both
        place(customer, (jam, 1), id=str(new_id()), headers={"Idempotency_Key": "b"})


def test_a_refused_order_stops_at_the_decision(
    customer: Api, product: Product, exactly: Counted
) -> None:
    jam = product(stock=1)
    with exactly(TRANSACTION + 3):  # standing, locks, offers
        place(customer, (jam, 2))
    with exactly(TRANSACTION + 3 + 2):  # and the claim, and giving it back
        place(customer, (jam, 2), headers={"Idempotency_Key": "a"})


def test_a_replay_reads_and_writes_nothing(
    customer: Api, product: Product, exactly: Counted
) -> None:
    jam = product(stock=9)
    place(customer, (jam, 1), headers={"Idempotency_Key": "a"})
    # the claim that fails, the earlier one, what was placed, the order, its lines
    with exactly(TRANSACTION + 5) as seen:
        place(customer, (jam, 1), headers={"Idempotency_Key": "a"})
    written = [one["sql"] for one in seen.captured_queries if "INSERT" in one["sql"]]
    assert all("ON CONFLICT DO NOTHING" in sql for sql in written)


def test_a_page_of_history_is_two_statements_however_long(
    customer: Api, product: Product, exactly: Counted
) -> None:
    jam, tea = product(stock=99), product(stock=99)
    for _ in range(10):
        place(customer, (jam, 1), (tea, 1))
    with exactly(2):  # the orders, all their lines
        customer("GET", "orders")
    with exactly(3):  # and the count
        customer("GET", "orders?count=true&limit=3&status=placed")


def test_an_order_is_two_statements_and_its_events_three(
    customer: Api, product: Product, exactly: Counted
) -> None:
    path = place(customer, (product(), 1)).headers["Location"]
    with exactly(2):  # the order, its lines
        customer("GET", path)
    with exactly(3):  # whose order it is takes the same two; the events
        customer("GET", f"{path}/events")


def test_staff_cost_one_statement_more_because_their_rights_are_looked_up(
    staff: Api, product: Product, exactly: Counted
) -> None:
    jam = product()
    with exactly(1 + 1):
        staff("GET", f"products/{jam}")


def test_a_refusal_before_the_database_costs_it_nothing(
    customer: Api, api: Api, exactly: Counted
) -> None:
    with exactly(0):
        api("GET", "products")
        customer("GET", "products?limit=0")
        customer("POST", "orders", b"{")
        customer("GET", "nothing")
