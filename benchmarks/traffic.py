"""The requests of a load, as the bytes that go over the wire."""

from __future__ import annotations

import json
import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any, Protocol

HOST = "127.0.0.1"
LIST = "/api/v1/products"
# What a proxy adds in production; without it the server redirects to https.
PROXIED = {"Host": HOST, "X-Forwarded-Proto": "https"}
LINES_AN_ORDER = 3
MOST_UNITS = 3
BETWEEN = 200
HOLD_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Sent:
    """One request, its units, the status of the only right answer, and what gets that answer."""

    raw: bytes
    units: int = 0
    status: int = 200
    answered: Callable[[bytes], object] = len


class Traffic(Protocol):
    """A kind of load: its requests never end."""

    def requests(self, part: int) -> Iterator[Sent]:
        """The requests of the generator's process number `part`."""
        ...


def request(
    method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b""
) -> bytes:
    """A request over a connection that is kept alive."""
    sent = PROXIED | {"Accept": "application/json"} | (headers or {})
    if body:
        sent |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {text}" for name, text in sent.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass(frozen=True, slots=True)
class Page:
    """One page over and over, for each token in turn."""

    path: str
    tokens: Sequence[str] = ()

    def requests(self, part: int) -> Iterator[Sent]:
        """The same few requests in a circle."""
        credentials = [{"Authorization": f"Bearer {token}"} for token in self.tokens] or [{}]
        return cycle([Sent(request("GET", self.path, headers)) for headers in credentials])


@dataclass(frozen=True, slots=True)
class Details:
    """One product each time, any of them: nothing that was made ready for one helps another."""

    tokens: Sequence[str]
    products: Sequence[int]
    seed: str

    def requests(self, part: int) -> Iterator[Sent]:
        """A random product for a random customer."""
        chance = random.Random(f"{self.seed} {part}")  # noqa: S311
        while True:
            headers = {"Authorization": f"Bearer {chance.choice(self.tokens)}"}
            yield Sent(request("GET", f"/api/v1/products/{chance.choice(self.products)}", headers))


@dataclass(frozen=True, slots=True)
class Orders:
    """Orders of three random products; `hot` is in every one. The products come from `seed`."""

    tokens: Sequence[str]
    products: Sequence[int]
    seed: str
    hot: int | None = None
    status: int = 201

    def requests(self, part: int) -> Iterator[Sent]:
        """No two orders are alike but by chance."""
        chance = random.Random(f"{self.seed} {part}")  # noqa: S311
        while True:
            headers = {"Authorization": f"Bearer {chance.choice(self.tokens)}"}
            yield self.order(chance, headers, {})

    def order(
        self, chance: random.Random, headers: dict[str, str], more: Mapping[str, Any]
    ) -> Sent:
        """An order of random products. `more` is added to its body."""
        quantities = self.quantities(chance)
        lines = [{"product": id, "quantity": units} for id, units in quantities.items()]
        body = json.dumps({"lines": lines, **more}).encode()
        raw = request("POST", "/api/v1/orders", headers, body)
        return Sent(raw, sum(quantities.values()), self.status)

    def quantities(self, chance: random.Random) -> dict[int, int]:
        """Units by product: three different ones."""
        chosen = chance.sample(self.products, LINES_AN_ORDER)
        if self.hot is not None and self.hot not in chosen:
            chosen[0] = self.hot
        return {product: chance.randint(1, MOST_UNITS) for product in chosen}


@dataclass(frozen=True, slots=True)
class Holds:
    """The same orders with a hold. The cashier confirms each of them BETWEEN answers later."""

    orders: Orders
    cashier: str

    def requests(self, part: int) -> Iterator[Sent]:
        """An order and a confirmation, one after the other."""
        chance = random.Random(f"{self.orders.seed} {part}")  # noqa: S311
        confirms = {"Authorization": f"Bearer {self.cashier}"}
        hold = {"required": True, "hold_seconds": HOLD_SECONDS}
        replies: deque[bytes] = deque()
        while True:
            headers = {"Authorization": f"Bearer {chance.choice(self.orders.tokens)}"}
            order = self.orders.order(chance, headers, {"payment": hold})
            yield replace(order, answered=replies.append)
            if len(replies) > BETWEEN:
                path = replies.popleft().lower().partition(b"location: ")[2].partition(b"\r\n")[0]
                yield Sent(request("POST", f"{path.decode()}/confirm", confirms, b"{}"))


@dataclass(frozen=True, slots=True)
class LogIns:
    """Right credentials, one customer after the other."""

    usernames: Sequence[str]
    password: str
    status: int = 200

    def requests(self, part: int) -> Iterator[Sent]:
        """The customers in a circle."""
        bodies = [
            json.dumps({"username": name, "password": self.password}).encode()
            for name in self.usernames
        ]
        raws = [request("POST", "/api/v1/auth/token", body=body) for body in bodies]
        return cycle([Sent(raw, status=self.status) for raw in raws])
