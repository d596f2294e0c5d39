"""An order that waited for locks and was not placed: the answer says that nothing was done."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import sleep

import psycopg
import pytest

from larder.orders.models import Order
from tests.conftest import Person
from tests.database import superuser_url
from tests.server import Reply, Server

LOCK = "SELECT FROM inventory.stock WHERE product_id = %s FOR UPDATE"


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}])
def test_an_order_that_got_one_lock_and_not_the_next_was_not_placed(
    transactional_db: None,
    person: Callable[..., Person],
    product: Callable[..., int],
    headers: dict[str, str],
) -> None:
    first, second, who = product(), product(), person()
    lines = {"lines": [{"product": one, "quantity": 1} for one in (first, second)]}
    with Server(workers=1) as server, ThreadPoolExecutor(1) as clients:
        token = server.token(who.customer.username, who.password)

        def order() -> Reply:
            return server.call("POST", "orders", lines, token=token, headers=headers)

        with psycopg.connect(superuser_url()) as one, psycopg.connect(superuser_url()) as other:
            one.execute(LOCK, [first])
            other.execute(LOCK, [second])
            answer = clients.submit(order)
            sleep(1.5)
            one.rollback()
            refused = answer.result()
            other.rollback()
    assert (refused.status, refused.code) == (503, "overloaded")
    assert int(refused.headers["retry-after"]) >= 1
    assert not Order.objects.exists()
