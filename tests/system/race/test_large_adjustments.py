"""Large adjustments of stock at two servers, concurrent with orders of the same products."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import cycle, islice
from threading import Event

import pytest

from larder.catalog.models import Product
from larder.db import database
from tests.conftest import Person
from tests.latency import lowest
from tests.orders import large_orders
from tests.server import Server

ADJUSTMENTS = 8
ORDERS = 20


@pytest.mark.usefixtures("transactional_db")
def test_orders_of_products_that_large_adjustments_lock_are_placed(
    person: Callable[..., Person],
) -> None:
    """Eight clients of a member of staff adjust 1,000 products again and again. A customer orders
    these products, many times at once."""
    database.execute(large_orders.PRODUCTS, [1_000])
    database.execute("UPDATE stock SET available = 1000")
    products = list(Product.objects.order_by("id").values_list("id", flat=True))
    received = {"reason": "received", "lines": [{"product": one, "delta": 1} for one in products]}
    ordered = [{"lines": [{"product": one, "quantity": 1}]} for one in products[500:]]
    staff, customer = person(is_staff=True), person()
    ends = Event()
    with ExitStack() as stack:
        servers = [stack.enter_context(Server(workers=1)) for _ in range(2)]
        clerk, buyer = (
            servers[0].token(one.customer.username, one.password) for one in (staff, customer)
        )

        def adjust(server: Server) -> set[int]:
            found = set()
            while not ends.is_set():
                found.add(server.call("POST", "stock/adjustments", received, token=clerk).status)
            return found

        def order(server: Server, body: object) -> int:
            return server.call("POST", "orders", body, token=buyer).status

        def refused() -> int:
            answers = list(buyers.map(order, cycle(servers), ordered[:ORDERS]))
            assert set(answers) <= {201, 503}
            return answers.count(503)

        with ThreadPoolExecutor(ADJUSTMENTS) as clerks, ThreadPoolExecutor(ORDERS) as buyers:
            adjusting = [clerks.submit(adjust, one) for one in islice(cycle(servers), ADJUSTMENTS)]
            try:
                for _ in range(3):
                    assert lowest(refused, 0) == 0
            finally:
                ends.set()
            assert set().union(*[one.result() for one in adjusting]) <= {201, 503}
