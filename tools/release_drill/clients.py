"""Clients that use the shop and never repeat a request."""

from __future__ import annotations

import http.client
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import uuid4

from tools.errors import LauncherError
from tools.http_client import Client, Reply

PASSWORD = "a rather good one"
STAFF = {"username": "admin", "password": "12345"}
PAUSE_SECONDS = 0.04
LOG_IN_EACH = 50
"""Requests after which a client logs in again. Access tokens are good for five minutes."""
ANSWER_SECONDS = 20.0


@dataclass(frozen=True)
class Heard:
    """A request and its answer. `status` 0: there was none, and `code` says why."""

    sent: float
    at: float
    kind: str
    status: int
    code: str
    retry_after: bool = False

    @property
    def good(self) -> bool:
        """Whether it was answered as it should be."""
        return 200 <= self.status < 300


@dataclass
class Load:
    """What all clients heard, and when they stop."""

    port: int
    product: int
    heard: list[Heard] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def since(self, moment: float) -> list[Heard]:
        """Return what was answered after that moment."""
        return [one for one in self.heard if one.at >= moment]

    @property
    def orders(self) -> int:
        """The number of acknowledged orders."""
        return sum(one.kind == "order" and one.good for one in self.heard)


class Customer:
    """A client that reads, orders and logs in, one request after the other.

    `keeps`: it keeps its connection, as apps do, and opens another one if it sees that nginx has
    closed it (RFC 9112, section 9.5); otherwise each request has a separate one.
    """

    def __init__(self, load: Load, *, keeps: bool, staff: bool = False) -> None:
        self._load = load
        self._client = Client(load.port, ANSWER_SECONDS)
        self._keeps = keeps
        self._staff = staff
        self._account = STAFF if staff else {"username": secrets.token_hex(6), "password": PASSWORD}
        self._pair: dict[str, Any] = {}
        self._order = ""

    def register(self) -> None:
        """Make the account and log in. Raises LauncherError."""
        if (
            not self._staff
            and self._call("register", "POST", "auth/register", self._account) is None
        ):
            raise LauncherError(f"A customer was not registered: {self._load.heard[-1]}")
        self._log_in()
        if not self._pair:
            raise LauncherError(f"A customer could not log in: {self._load.heard[-1]}")

    def work(self) -> None:
        """Send requests until the load is over."""
        steps = [self._adjust, self._read_ledger]
        if not self._staff:
            steps = [self._read_products, self._place, self._read_order, self._read_orders]
        for number in count(1):
            if self._load.over.wait(PAUSE_SECONDS):
                return
            steps[number % len(steps)]()
            if number % LOG_IN_EACH == 0:
                self._log_in()
            elif number % LOG_IN_EACH == LOG_IN_EACH // 2:
                self._refresh()

    def _log_in(self) -> None:
        reply = self._call("log-in", "POST", "auth/token", self._account)
        self._pair = reply.body if reply is not None else self._pair

    def _refresh(self) -> None:
        body = {"refresh": self._pair["refresh"]}
        reply = self._call("refresh", "POST", "auth/token/refresh", body)
        self._pair = reply.body if reply is not None else self._pair

    def _read_products(self) -> None:
        self._call("products", "GET", "products?limit=20")

    def _place(self) -> None:
        body = {"lines": [{"product": self._load.product, "quantity": 1}]}
        reply = self._call("order", "POST", "orders", body, headers=_key())
        self._order = str(reply.body["id"]) if reply is not None else self._order

    def _read_order(self) -> None:
        if self._order:
            self._call("read order", "GET", f"orders/{self._order}")

    def _read_orders(self) -> None:
        self._call("history", "GET", "orders?limit=10")

    def _adjust(self) -> None:
        body = {"reason": "received", "lines": [{"product": self._load.product, "delta": 1}]}
        self._call("adjustment", "POST", "stock/adjustments", body, headers=_key())

    def _read_ledger(self) -> None:
        self._call("ledger", "GET", f"products/{self._load.product}/ledger?limit=5")

    def _call(
        self,
        kind: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Reply | None:
        """Send a request once, and remember the answer; return it if it is good."""
        sent = time.monotonic()
        token = None if path.startswith("auth/") else self._pair.get("access")
        try:
            reply = self._client.call(method, path, body, token=token, headers=headers)
        except (OSError, http.client.HTTPException) as error:
            code = f"{type(error).__name__}: {error}"
            self._load.heard.append(Heard(sent, time.monotonic(), kind, 0, code))
            return None
        if not self._keeps:
            self._client.hang_up()
        later = "retry-after" in reply.headers
        heard = Heard(sent, time.monotonic(), kind, reply.status, reply.code, later)
        self._load.heard.append(heard)
        return reply if heard.good else None


def _key() -> dict[str, str]:
    """Return the header of a write that the client could repeat. If its outcome is not known, the
    answer is 503, and 500 without the header."""
    return {"Idempotency-Key": str(uuid4())}


@contextmanager
def running(load: Load, customers: int) -> Iterator[None]:
    """Let customers, and one member of staff, use the shop during the block. Half of the customers
    keep their connections."""
    people = [Customer(load, keeps=bool(number % 2)) for number in range(customers)]
    people.append(Customer(load, keeps=True, staff=True))
    for one in people:
        one.register()
    with _threads([one.work for one in people], load.over):
        yield


@contextmanager
def _threads(works: Sequence[Callable[[], None]], over: threading.Event) -> Iterator[None]:
    with ThreadPoolExecutor(len(works)) as threads:
        busy = [threads.submit(one) for one in works]
        try:
            yield
        finally:
            over.set()
        for one in busy:
            one.result()
