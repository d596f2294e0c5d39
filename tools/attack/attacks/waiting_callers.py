"""Reads the product list with more keys than the pool has connections, while orders commit."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tools.attack.load import repeated
from tools.attack.target import Target, require

ITEM = 2
TITLE = "Callers with API keys and staff at the product list"
PROMISE = "Threads that wait keep no database connection: every read and every order is answered."

KEYS, READS = 20, 1_500
ORDERING = 2


def attack(target: Target, *, full: bool) -> str:
    """Return how many reads were answered; raises Broken."""
    product, reads = target.product(stock=1_000_000), READS * (4 if full else 1)
    owners = [target.staff(), *(target.customer().access for _ in range(3))]
    keys = [_key(target, owners[number % len(owners)]) for number in range(KEYS)]
    credentials = [*keys, *owners]
    ordering = [partial(_order, target, owners[1], product)] * ORDERING
    with (
        ThreadPoolExecutor(len(credentials)) as clients,
        repeated(ordering, pause=0.005) as ordered,
    ):
        each = reads // len(credentials)
        reading = [clients.submit(_read, target, one, each) for one in credentials]
        read = sum((one.result() for one in reading), Counter[int]())
    require(set(read) == {200}, f"reads were answered {dict(read)}")
    require(set(ordered) == {201}, f"orders were answered {dict(ordered)}")
    return f"{read.total()} reads of {KEYS} keys and {len(owners)} tokens, all 200, beside orders"


def _key(target: Target, token: str) -> str:
    reply = target.call("POST", "auth/keys", {"name": "attack"}, token=token)
    require(reply.status == 201, f"a key was answered {reply.status}")
    return str(reply.body["key"])


def _read(target: Target, credential: str, times: int) -> Counter[int]:
    return Counter(target.call("GET", "products", token=credential).status for _ in range(times))


def _order(target: Target, token: str, product: int) -> int:
    body = {"lines": [{"product": product, "quantity": 1}]}
    return target.call("POST", "orders", body, token=token).status
