"""Reads and writes carts of 1,000 lines on many connections of three accounts."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from tools.attack.load import repeated
from tools.attack.target import Target, require

ITEM = 5
TITLE = "Large carts of three accounts"
PROMISE = "Requests of a few accounts leave threads and connections for other customers' orders."

ACCOUNTS, LINES, CONNECTIONS = 3, 1_000, 48
SECONDS = 5.0
LONGEST_LIVEZ = 3.0


def attack(target: Target, *, full: bool) -> str:
    """Return how many orders were placed beside; raises Broken."""
    product = target.product(stock=1_000_000)
    order = partial(_status, target, "POST", "orders", _lines([product]), target.customer().access)
    require(order() == 201, "an order alone was refused")
    found = target.sql("SELECT id FROM catalog.product ORDER BY id LIMIT %s", [LINES])
    cart = _lines([id for (id,) in found])
    calls = []
    for _ in range(ACCOUNTS):
        token = target.customer().access
        require(_status(target, "PUT", "cart", cart, token) == 200, "a cart was refused")
        calls += [
            partial(_status, target, "GET", "cart", None, token),
            partial(_status, target, "PUT", "cart", cart, token),
        ]
    placed, slowest = 0, 0.0
    with repeated(calls * (CONNECTIONS // len(calls)), pause=0.0):
        until = time.monotonic() + SECONDS * (4 if full else 1)
        while time.monotonic() < until:
            status = order()
            require(status == 201, f"an order beside was answered {status}")
            placed += 1
            began = time.monotonic()
            require(_status(target, "GET", "/livez") == 200, "/livez failed")
            slowest = max(slowest, time.monotonic() - began)
    require(slowest < LONGEST_LIVEZ, f"/livez took {slowest:.1f} s")
    return f"{placed} orders placed beside, none refused; /livez took {slowest:.1f} s at most"


def _lines(products: list[int]) -> dict[str, Any]:
    return {"lines": [{"product": product, "quantity": 1} for product in products]}


def _status(
    target: Target, method: str, path: str, body: Any = None, token: str | None = None
) -> int:
    return target.call(method, path, body, token=token).status
