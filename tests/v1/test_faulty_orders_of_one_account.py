"""A server while one account sends bodies that take long to refuse."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from threading import Event
from time import monotonic, sleep

import pytest

from tests.conftest import Person
from tests.server import Server

pytestmark = pytest.mark.system

CONNECTIONS, ORDERS = 32, 15
LONGEST_SECONDS = 2.0
"""Of half of the orders; one in three takes longer on a busy machine."""
LINE = {"product": "x", "quantity": "y", "expected_price": 5}
BODIES = {
    "faults": {"lines": [LINE] * 1_000},
    "unknown fields": {f"field {n}": n for n in range(20_000)},
    "brackets": {"lines": [[[]]] * 80_000},
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_faulty_orders_of_one_account_leave_time_to_the_orders_of_others(
    transactional_db: None,
    person: Callable[..., Person],
    product: Callable[..., int],
    body: dict[str, object],
) -> None:
    mallory, anna, over = person(), person(), Event()
    lines = {"lines": [{"product": product(stock=99), "quantity": 1}]}
    with Server(workers=1) as shop, ThreadPoolExecutor(CONNECTIONS) as connections:
        hers = shop.token(mallory.customer.username, mallory.password)
        token = shop.token(anna.customer.username, anna.password)

        def send() -> set[int]:
            seen = set()
            while not over.is_set():
                seen.add(shop.call("POST", "orders", body, token=hers).status)
                over.wait(0.01)
            return seen

        running = [connections.submit(send) for _ in range(CONNECTIONS)]
        sleep(2)
        statuses, seconds = set(), []
        for _ in range(ORDERS):
            began = monotonic()
            statuses.add(shop.call("POST", "orders", lines, token=token).status)
            seconds.append(monotonic() - began)
        over.set()
        answers = set().union(*(future.result(60) for future in running))
    assert statuses == {201}
    assert median(seconds) < LONGEST_SECONDS
    assert answers <= {400, 503}
