"""Carts whose stock another transaction has locked wait apart, and delay no other order."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from statistics import quantiles
from threading import Event, Thread
from time import monotonic, sleep

import pytest

from larder.orders.services import place_order as placing
from tests.api.conftest import token_for
from tests.conftest import Person
from tests.orders.crowd import held
from tests.server import Server

pytestmark = pytest.mark.django_db(transaction=True)

CARTS = 16
SECONDS = 3.0


@contextmanager
def submitting(server: Server, tokens: list[str]) -> Iterator[list[int]]:
    """The owners of carts submit them again and again; yields the statuses."""
    over, statuses = Event(), list[int]()

    def submit(token: str) -> None:
        while not over.wait(0.05):
            statuses.append(submitted(server, token))

    threads = [Thread(target=submit, args=[token]) for token in tokens]
    for one in threads:
        one.start()
    try:
        yield statuses
    finally:
        over.set()
        for one in threads:
            one.join()


def submitted(server: Server, token: str) -> int:
    """The status of the submission, under the same key each time."""
    key = {"Idempotency-Key": "once"}
    return server.call("POST", "cart/submit", {}, token=token, headers=key).status


def order(server: Server, token: str, product: int) -> list[float]:
    """Orders for SECONDS, one after the other; returns how long each took."""
    times, began = list[float](), monotonic()
    while monotonic() - began < SECONDS:
        asked = monotonic()
        lines = {"lines": [{"product": product, "quantity": 1}]}
        assert server.call("POST", "orders", lines, token=token).status == 201
        times.append(monotonic() - asked)
    return times


def test_carts_with_a_locked_product_do_not_delay_orders_of_others(
    server: Server, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    jam, stuck = product(stock=1_000_000), product(stock=1_000)
    owners = [token_for(person()) for _ in range(CARTS)]
    others = [token_for(person()) for _ in range(4)]
    for token in owners:
        put = server.call("PUT", f"cart/lines/{stuck}", {"quantity": 1}, token=token)
        assert put.status in {200, 201}, put.body
    with held(stuck), ThreadPoolExecutor(4) as pool, submitting(server, owners) as statuses:
        # Each process finds out once that the row is contended.
        sleep(2 * (placing.LOCK_WAIT + placing.LOCK_WAIT_ALONE))
        ordering = [pool.submit(order, server, token, jam) for token in others]
        times = [seconds for one in ordering for seconds in one.result()]
    assert set(statuses) == {503}
    assert quantiles(times, n=10)[-1] < 0.5, sorted(times)[-30:]
    assert [submitted(server, one) for one in owners] == [201] * CARTS
