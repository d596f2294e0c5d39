"""CPU of each operation, of the server and of PostgreSQL, one request at a time."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from benchmarks.installation import Installation
from benchmarks.measurement import Meter
from benchmarks.traffic import PROXIED
from larder.local.terminal import LauncherError
from tools.http_client import Client
from tools.processes import postmaster

TIMES = 100
Body = Mapping[str, Any]


class Cost(NamedTuple):
    """The CPU of a request in µs: of the application and of PostgreSQL."""

    operation: str
    application: float
    postgresql: float

    @property
    def both(self) -> float:
        """The sum."""
        return self.application + self.postgresql


class Operations:
    """Sends requests one after the other, of one customer after the other or of the cashier."""

    def __init__(self, installation: Installation, times: int = TIMES) -> None:
        self._client = Client(installation.larder.port)
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
            reply = self._client.call(method, path, content, token=token, headers=PROXIED)
            if reply.status not in {200, 201}:
                raise LauncherError(f"{method} {path}: {reply.status} {reply.body!r}")
        application, postgresql, _ = (
            (late - early) / len(paths) * 1e6
            for early, late in zip(before, self._meter.spent(), strict=True)
        )
        return Cost(operation, application, postgresql)
