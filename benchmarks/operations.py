"""What each operation costs in orders: CPU of the server and of PostgreSQL, one request at a time.

`python -m benchmarks.operations [--times 100]` measures it alone; `make bench` shows it too.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import servers
from benchmarks.installation import Amount, Installation, install
from benchmarks.loads import postmaster
from benchmarks.measurement import Cost, Meter
from benchmarks.report import costs
from benchmarks.servers import Size
from benchmarks.traffic import PROXIED
from tools.errors import LauncherError
from tools.terminal import say

TIMES = 100
Body = Mapping[str, Any]


class Operations:
    """Sends requests one after the other, of one customer after the other or of the cashier."""

    def __init__(self, installation: Installation, times: int) -> None:
        self._port = installation.larder.port
        self._meter = Meter(postmaster(installation.cluster), installation.larder.pid)
        tokens = installation.sessions.tokens()
        self._tokens = [tokens[number % len(tokens)] for number in range(min(times, len(tokens)))]
        self._cashier = installation.sessions.cashier()
        self._products = installation.shop.products
        self._times = times

    def costs(self) -> Iterator[Cost]:
        """Yields the cost of each operation, an order first."""
        customers = [self._tokens[n % len(self._tokens)] for n in range(self._times)]
        staff = [self._cashier] * self._times
        ids = [str(uuid.uuid4()) for _ in customers]
        orders = [f"orders/{id}" for id in ids]
        self._measure("", "POST", ["orders"] * 20, customers[:20], self._lines)
        lines = self._lines
        yield self._measure(
            "order", "POST", ["orders"] * len(ids), customers, lambda n: {"id": ids[n]} | lines(n)
        )
        yield self._measure("GET order", "GET", orders, customers)
        yield self._measure("page of history", "GET", ["orders"] * len(ids), customers)
        yield self._measure("products with q", "GET", ["products?q=jar"] * len(ids), customers)
        yield self._measure(
            "PATCH lines", "PATCH", orders, customers, lambda n: {"lines": lines(n, 2)["lines"]}
        )
        cut = len(orders) // 2
        names = ("pack", "ship", "return")
        moves = [[f"{order}/{name}" for order in orders[:cut]] for name in names]
        yield self._measure("pack", "POST", moves[0], staff, lambda _: {})
        yield self._measure("ship", "POST", moves[1], staff, lambda _: {})
        yield self._measure("return", "POST", moves[2], staff, self._returned)
        cancels = [f"{order}/cancel" for order in orders[cut:]]
        yield self._measure("cancel", "POST", cancels, customers[cut:], lambda _: {})
        carts = ["cart"] * len(ids)
        yield self._measure("PUT cart", "PUT", carts, customers, lambda n: lines(n, n))
        paths = [f"cart/lines/{lines(n)['lines'][0]['product']}" for n in range(len(ids))]
        yield self._measure(
            "PUT cart line", "PUT", paths, customers, lambda n: {"quantity": 1_000 + n}
        )
        submits = ["cart/submit"] * len(self._tokens)
        yield self._measure("submit", "POST", submits, self._tokens, lambda _: {})

    def _lines(self, number: int, quantity: int = 1) -> dict[str, Any]:
        some = itertools.islice(itertools.cycle(self._products), number * 3, number * 3 + 3)
        return {"lines": [{"product": id, "quantity": quantity % 9 + 1} for id in some]}

    def _returned(self, number: int) -> Body:
        product = self._lines(number)["lines"][0]["product"]
        return {"lines": [{"product": product, "quantity": 1}], "reason": "any"}

    def _measure(
        self,
        operation: str,
        method: str,
        paths: Sequence[str],
        tokens: Sequence[str],
        body: Callable[[int], Body] | None = None,
    ) -> Cost:
        raw = [json.dumps(body(n)).encode() if body else None for n in range(len(paths))]
        before = self._meter.spent()
        for path, token, content in zip(paths, tokens, raw, strict=False):
            headers = PROXIED | {"Authorization": f"Bearer {token}"}
            headers |= {"Content-Type": "application/json"} if content else {}
            answer = servers.ask(self._port, method, f"/api/v1/{path}", headers, content)
            if answer.status not in {200, 201}:
                raise LauncherError(f"{method} {path}: {answer.status} {answer.body!r}")
        application, postgresql, _ = (
            (late - early) / len(paths) * 1e6
            for early, late in zip(before, self._meter.spent(), strict=True)
        )
        return Cost(operation, application, postgresql)


def measure(installation: Installation, times: int = TIMES) -> list[Cost]:
    """Returns the costs, the order's first. Raises LauncherError."""
    return list(Operations(installation, times).costs())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--times", type=int, default=TIMES)
    times = parser.parse_args().times
    amount = Amount(customers=50, orders=2_000)
    with (
        tempfile.TemporaryDirectory() as folder,
        install(Path(folder), Size(workers=1, threads=8), amount) as installation,
    ):
        for line in costs(measure(installation, times)):
            say(line)


if __name__ == "__main__":
    main()
