"""Requests that wait for locked stock get correct answers, and others are served."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event
from time import sleep

import psycopg
import pytest

from larder.orders.models import Order
from tests.conftest import Person
from tests.database import superuser_url
from tests.server import Reply, Server

LOCK = "SELECT FROM inventory.stock WHERE product_id = %s FOR UPDATE"


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}])
def test_an_order_that_gets_only_one_of_its_locks_is_not_placed(
    transactional_db: None,
    person: Callable[..., Person],
    product: Callable[..., int],
    headers: dict[str, str],
) -> None:
    first, second, who = product(), product(), person()
    lines = {"lines": [{"product": id, "quantity": 1} for id in (first, second)]}
    with Server(workers=1) as server, ThreadPoolExecutor(1) as clients:
        token = server.token(who.customer.username, who.password)

        def order() -> Reply:
            return server.call("POST", "orders", lines, token=token, headers=headers)

        with psycopg.connect(superuser_url()) as holder, psycopg.connect(superuser_url()) as other:
            holder.execute(LOCK, [first])
            other.execute(LOCK, [second])
            answer = clients.submit(order)
            sleep(1.5)
            holder.rollback()
            refused = answer.result()
            other.rollback()
    assert (refused.status, refused.code) == (503, "overloaded")
    assert int(refused.headers["retry-after"]) >= 1
    assert not Order.objects.exists()


@pytest.mark.parametrize("move", ["cancel", "change"])
def test_moves_that_wait_for_locked_stock_leave_connections_for_others(
    transactional_db: None,
    person: Callable[..., Person],
    product: Callable[..., int],
    move: str,
) -> None:
    jam, tea, customers, other = (
        product(stock=99),
        product(stock=99),
        [person() for _ in range(20)],
        person(),
    )
    over = Event()
    with (
        Server(workers=1) as server,
        ThreadPoolExecutor(len(customers)) as clients,
        psycopg.connect(superuser_url()) as lock,
    ):
        tokens = [
            server.token(customer.customer.username, customer.password) for customer in customers
        ]
        mine = server.token(other.customer.username, other.password)
        orders = [placed(server, jam, token).body["id"] for token in tokens]
        lock.execute(LOCK, [jam])
        running = [
            clients.submit(repeat, over, partial(MOVES[move], server, token, order, jam))
            for token, order in zip(tokens, orders, strict=True)
        ]
        sleep(1)
        seen = Counter[tuple[str, int]]()
        for _ in range(12):
            seen["order", placed(server, tea, mine).status] += 1
            seen["me", server.call("GET", "me", token=mine).status] += 1
            seen["ready", server.call("GET", "/readyz").status] += 1
        over.set()
        lock.rollback()
        answers = {code for future in running for code in future.result()}
    assert seen == {("order", 201): 12, ("me", 200): 12, ("ready", 200): 12}
    assert answers <= {"200", "overloaded"}


def placed(server: Server, product: int, token: str) -> Reply:
    """Order one unit."""
    lines = {"lines": [{"product": product, "quantity": 1}]}
    return server.call("POST", "orders", lines, token=token)


def cancel(server: Server, token: str, order: str, _product: int) -> Reply:
    """Cancel an order."""
    return server.call("POST", f"orders/{order}/cancel", {}, token=token)


def change(server: Server, token: str, order: str, product: int) -> Reply:
    """Order one unit more."""
    lines = {"lines": [{"product": product, "quantity": 2}]}
    return server.call("PATCH", f"orders/{order}", lines, token=token)


MOVES = {"cancel": cancel, "change": change}


def repeat(over: Event, call: Callable[[], Reply]) -> set[str]:
    """Return the codes, or statuses of success, that were answered until the end."""
    codes = set()
    while not over.is_set():
        codes.add(call().code)
        over.wait(0.05)
    return codes
