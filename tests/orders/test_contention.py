"""Orders of a product that another transaction has locked delay no orders of other products."""

from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from statistics import quantiles

import pytest

from tests.conftest import Person
from tests.http.conftest import token_for
from tests.latency import lowest
from tests.load import Call, repeated, steady
from tests.orders.crowd import held
from tests.server import Server

pytestmark = pytest.mark.django_db(transaction=True)

CLIENTS = 12
"""More than wait for stock in both processes at a time."""
PER_SECOND, SECONDS = 40, 3.0
AFTER_ONSET = PER_SECOND * 3 // 2
"""Orders due within the first 1.5 s, in which each process finds out which product is locked."""
LONGEST, LONGEST_AFTER_ONSET = 1.0, 0.5
"""Seconds of 99 % of all orders, and of 90 % of those after the onset."""


def submitted(server: Server, token: str) -> int:
    """Submits the cart under the same key each time; returns the status."""
    key = {"Idempotency-Key": "once"}
    return server.call("POST", "cart/submit", {}, token=token, headers=key).status


def ordered(server: Server, token: str, *products: int) -> int:
    """Orders one of each product; returns the status."""
    lines = [{"product": product, "quantity": 1} for product in products]
    return server.call("POST", "orders", {"lines": lines}, token=token).status


def carts(server: Server, token: str, products: Sequence[int]) -> Call:
    """Puts the last of these products into the cart; returns its submission."""
    put = server.call("PUT", f"cart/lines/{products[-1]}", {"quantity": 1}, token=token)
    assert put.status in {200, 201}, put.body
    return partial(submitted, server, token)


def large_orders(server: Server, token: str, products: Sequence[int]) -> Call:
    """Returns an order of all these products."""
    return partial(ordered, server, token, *products)


@pytest.mark.parametrize("prepare", [large_orders, carts])
def test_a_locked_product_delays_orders_of_others_for_less_than_a_second(
    prepare: Callable[[Server, str, Sequence[int]], Call],
    server: Server,
    person: Callable[..., Person],
    product: Callable[..., int],
) -> None:
    """Also orders of products that large orders contain beside it."""
    free, stuck = [product(stock=1_000_000) for _ in range(20)], product(stock=1_000_000)
    token = token_for(person())
    others = [partial(ordered, server, token, id) for id in free]

    def share_of_limits() -> float:
        calls = [prepare(server, token_for(person()), [*free, stuck]) for _ in range(CLIENTS)]
        with held(stuck) as let_go, repeated(calls, pause=0.05) as answers:
            times, statuses = steady(others, per_second=PER_SECOND, seconds=SECONDS)
            let_go()
        if set(statuses) != {201}:
            return inf
        assert {call() for call in calls} == {201}
        assert set(answers) <= {201, 503}
        after = quantiles(times[AFTER_ONSET:], n=10)[-1]
        return max(quantiles(times, n=100)[-1] / LONGEST, after / LONGEST_AFTER_ONSET)

    assert lowest(share_of_limits, 1) <= 1
