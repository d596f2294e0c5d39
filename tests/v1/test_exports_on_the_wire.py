"""`GET orders.csv` of a real server: a large file and a slow client."""

import http.client
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from time import monotonic

import pytest

from larder.db import database
from tests.conftest import Person
from tests.http.conftest import token_for
from tests.server import Server

ORDERS = 20_000
TIMEOUT = 15.0
"""Seconds in which a loaded machine answers a client that waits for no other; the files are not
read while the test runs."""
_FILL = """
WITH made AS (
    INSERT INTO "order" (id, customer_id, status, currency, total, note, reference, created_at,
                         placed_at, updated_at, version)
    SELECT gen_random_uuid(), %s, 'delivered', 'GBP', 2, repeat('x', 2000), '', %s, %s, %s, 1
    FROM generate_series(1, %s)
    RETURNING id, placed_at
)
INSERT INTO order_line (order_id, product_id, sku, name, unit_price, quantity, placed_at)
SELECT id, %s, 'J', 'Jam', 2, 1, placed_at FROM made
"""


@pytest.fixture
def large(
    server: Server, person: Callable[..., Person], product: Callable[..., int], now: datetime
) -> Person:
    """A customer whose file has more than 40 MiB."""
    who = person()
    database.execute(_FILL, [who.id, now, now, now, ORDERS, product()])
    return who


@pytest.fixture
def staff(person: Callable[..., Person], large: Person) -> Person:
    """A member of staff, whose file has the orders of the customer."""
    return person(is_staff=True)


@contextmanager
def begun(server: Server, who: Person) -> Iterator[http.client.HTTPResponse]:
    """Returns the answer with only its headers read."""
    headers = {"Authorization": f"Bearer {token_for(who)}"}
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection:
        connection.request("GET", "/api/v1/orders.csv?status=delivered", headers=headers)
        with connection.getresponse() as file:
            yield file


def test_clients_that_stop_reading_do_not_block_orders(
    server: Server, large: Person, staff: Person, product: Callable[..., int]
) -> None:
    """There are more clients than threads: a few are served, the others get 503 at once, and orders
    are served. The clients of one account leave a place for another account.
    """
    token, jam = token_for(large), product(stock=1_000)
    order = {"lines": [{"product": jam, "quantity": 1}]}
    with ExitStack() as files:
        began = monotonic()
        answers = [files.enter_context(begun(server, large)) for _ in range(2 * server.threads + 8)]
        assert monotonic() - began < TIMEOUT
        refused = [answer for answer in answers if answer.status != 200]
        assert 1 <= len(answers) - len(refused) <= server.workers
        assert {reply.status for reply in refused} == {503}
        assert {reply.getheader("Retry-After") for reply in refused} <= {"1", "2", "3"}
        assert files.enter_context(begun(server, staff)).status == 200
        for _ in range(20):
            began = monotonic()
            assert server.call("GET", "products", token=token).status == 200
            assert server.call("GET", "orders", token=token).status == 200
            assert server.call("POST", "orders", order, token=token).status == 201
            assert monotonic() - began < TIMEOUT


def status(server: Server, who: Person) -> int:
    with begun(server, who) as file:
        return file.status
