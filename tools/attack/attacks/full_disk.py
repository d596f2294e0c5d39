"""Fills the disk below the folders that a server's processes share, while customers order."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from tools.attack.target import NotTried, Target, require
from tools.processes import wait_until

ITEM = 3
TITLE = "A full disk under load"
PROMISE = "No process ends and no order is placed without an answer."
NEEDS = ("mount", "umount")

CUSTOMERS = 8
ORDERS, FULL_ORDERS = 25, 250
"""Of each customer."""
REPLACED_SECONDS = 60.0
STARTED = "Started worker-"
"""What the server logs of a worker process that takes requests."""


def attack(target: Target, *, full: bool) -> str:
    """Return how many orders were placed and answered. Raises Broken."""
    folder = target.folder / "small-disk"
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        raise NotTried("this user may not mount a file system")
    shared = {"SHARED_DIR": str(folder), "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    try:
        with target.server(shared) as shop:
            return _order_on_a_full_disk(shop, folder, FULL_ORDERS if full else ORDERS)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


def _order_on_a_full_disk(shop: Target, folder: Path, orders: int) -> str:
    product, people = shop.product(stock=100_000), [shop.customer() for _ in range(CUSTOMERS)]

    def buy(access: str) -> int:
        return sum(_ordered(shop, access, product) for _ in range(orders))

    with _filled(folder):
        _replace_worker(shop)
        with shop.watched(), ThreadPoolExecutor(CUSTOMERS) as crowd:
            answered = sum(crowd.map(buy, [one.access for one in people]))
            for method in ("GET", "PUT", "PATCH", "OPTIONS"):
                for path in ("products", "orders", "cart", "me", "me/sessions", "categories"):
                    shop.call(method, path, token=people[0].access)
    placed = shop.sql("SELECT count(*) FROM orders.order_line WHERE product_id = %s", (product,))[
        0
    ][0]
    require(answered == placed, f"{placed} orders were placed and {answered} answered")
    require(placed == orders * CUSTOMERS, f"{placed} of {orders * CUSTOMERS} orders were placed")
    return f"{placed} orders on a disk without a free byte, each placed and answered"


def _ordered(shop: Target, access: str, product: int) -> bool:
    body = {"lines": [{"product": product, "quantity": 1}]}
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    with suppress(OSError, http.client.HTTPException):
        return shop.call("POST", "orders", body, token=access, headers=headers).status == 201
    return False


def _replace_worker(shop: Target) -> None:
    """End a worker process: the next one makes its files on the full disk. Raises Broken."""
    started, ended = shop.log.count(STARTED), shop.workers()[0]
    os.kill(ended, signal.SIGKILL)
    replaced = wait_until(
        lambda: shop.log.count(STARTED) > started and shop.serves(), REPLACED_SECONDS
    )
    require(replaced, "no worker process starts on a full disk")
    # The connection may be one to the process that was ended.
    shop.hang_up()


@contextmanager
def _filled(folder: Path) -> Iterator[None]:
    """Use up every byte of the folder's disk."""
    ballast = os.open(folder / "ballast", os.O_WRONLY | os.O_CREAT, 0o600)
    with suppress(OSError):
        while os.write(ballast, bytes(4096)):
            pass
    os.close(ballast)
    yield
