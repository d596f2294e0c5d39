"""Orders and submits carts of a product that another session has locked, beside other orders."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from statistics import quantiles

import psycopg

from tools.attack.load import Call, repeated, steady
from tools.attack.target import Target, require

ITEM = 14
TITLE = "Orders and carts with a locked product"
PROMISE = (
    "Orders of other products are not delayed: p99 below 1 s from the first moment, "
    "p90 below 0.5 s after 1.5 s."
)

CLIENTS, OTHERS = 16, 4
PER_SECOND, ONSET_SECONDS = 40, 1.5
LOCK = "SELECT FROM inventory.stock WHERE product_id = %s FOR UPDATE"


def attack(target: Target, *, full: bool) -> str:
    """Return the percentiles of unrelated orders; raises Broken."""
    tokens = [target.customer().access for _ in range(CLIENTS)]
    free = [target.product(stock=1_000_000) for _ in range(OTHERS)]
    buyers = [target.customer().access for _ in range(OTHERS)]
    others = [partial(_order, target, buyer, one) for buyer, one in zip(buyers, free, strict=True)]
    seen = []
    for kind in ("carts", "orders"):
        stuck = target.product(stock=1_000_000)
        if kind == "carts":
            calls = [_submission(target, token, stuck) for token in tokens]
        else:
            calls = [partial(_order, target, token, *free, stuck) for token in tokens]
        p90, p99 = _press(target, stuck, calls, others, seconds=20.0 if full else 5.0)
        seen.append(f"{kind}: p90 {p90:.2f} s, p99 {p99:.2f} s")
    return f"unrelated orders beside {', '.join(seen)}"


def _press(
    target: Target, stuck: int, calls: Sequence[Call], others: Sequence[Call], *, seconds: float
) -> tuple[float, float]:
    """Return the p90 after the onset, and the p99 of all."""
    with psycopg.connect(target.cluster.owner_url()) as held:
        held.execute(LOCK, [stuck])
        with repeated(calls, pause=0.05) as refused:
            times, statuses = steady(others, per_second=PER_SECOND, seconds=seconds)
    require(set(refused) == {503}, f"the locked product was answered {dict(refused)}")
    require(set(statuses) == {201}, f"unrelated orders were answered {dict(statuses)}")
    p90 = quantiles(times[round(ONSET_SECONDS * PER_SECOND) :], n=10)[-1]
    p99 = quantiles(times, n=100)[-1]
    require(p90 < 0.5, f"the p90 of {len(times)} unrelated orders was {p90:.2f} s")
    require(p99 < 1.0, f"the p99 of {len(times)} unrelated orders was {p99:.2f} s")
    return p90, p99


def _submission(target: Target, token: str, product: int) -> Call:
    put = target.call("PUT", f"cart/lines/{product}", {"quantity": 1}, token=token)
    require(put.status in {200, 201}, f"a cart was answered {put.status}")
    return lambda: target.call("POST", "cart/submit", {}, token=token).status


def _order(target: Target, token: str, *products: int) -> int:
    lines = [{"product": product, "quantity": 1} for product in products]
    return target.call("POST", "orders", {"lines": lines}, token=token).status
