"""Submits carts whose product another session has locked, beside orders of other products."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from statistics import quantiles
from threading import Event
from time import monotonic

import psycopg

from tools.attack.target import Target, require, wait

ITEM = 14
TITLE = "Carts with a locked product"
PROMISE = "Orders of other products are not delayed: p90 below 0.5 s."

CARTS, ORDERING = 16, 4
FOUND_WITHIN = 4.5
"""Seconds after which each process knows that the row is contended."""
LOCK = "SELECT FROM inventory.stock WHERE product_id = %s FOR UPDATE"


def attack(target: Target, *, full: bool) -> str:
    """Return the p90 of unrelated orders; raises Broken."""
    stuck, other = target.product(stock=1_000), target.product(stock=1_000_000)
    buyers = [target.customer().access for _ in range(CARTS + ORDERING)]
    for token in buyers[:CARTS]:
        put = target.call("PUT", f"cart/lines/{stuck}", {"quantity": 1}, token=token)
        require(put.status in {200, 201}, f"a cart was answered {put.status}")
    over = Event()
    with (
        ThreadPoolExecutor(len(buyers)) as clients,
        psycopg.connect(target.cluster.owner_url()) as held,
    ):
        held.execute(LOCK, [stuck])
        submitting = [clients.submit(_submit, target, one, over) for one in buyers[:CARTS]]
        try:
            wait(FOUND_WITHIN)
            seconds = 20.0 if full else 5.0
            ordering = [
                clients.submit(_order, target, one, other, seconds) for one in buyers[CARTS:]
            ]
            times = [took for one in ordering for took in one.result()]
        finally:
            over.set()
        submissions = sum(one.result() for one in submitting)
    p90 = quantiles(times, n=10)[-1]
    require(p90 < 0.5, f"the p90 of {len(times)} unrelated orders was {p90:.2f} s")
    return f"{submissions} submissions, p90 of {len(times)} unrelated orders {p90:.2f} s"


def _submit(target: Target, token: str, over: Event) -> int:
    times = 0
    while not over.wait(0.05):
        reply = target.call("POST", "cart/submit", {}, token=token)
        require(reply.status == 503, f"a submission was answered {reply.status}")
        times += 1
    return times


def _order(target: Target, token: str, product: int, seconds: float) -> list[float]:
    body = {"lines": [{"product": product, "quantity": 1}]}
    times, began = list[float](), monotonic()
    while monotonic() - began < seconds:
        asked = monotonic()
        reply = target.call("POST", "orders", body, token=token)
        require(reply.status == 201, f"an order was answered {reply.status}")
        times.append(monotonic() - asked)
    return times
