"""Customers who order during every failure and record the acknowledged orders."""

import http.client
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from time import monotonic, sleep
from uuid import uuid4

from tests.server import Reply, Server

TIMEOUT = 30.0
"""Seconds after which a customer who still got no answer gives up, and the test with them."""


@dataclass
class Load:
    """Orders of one unit, each under a separate key, repeated until it is acknowledged.

    `server` may be replaced while it runs. A request with an answer in `later` is repeated.
    """

    server: Server
    token: str
    product: int
    later: frozenset[int] = frozenset({503})
    acknowledged: dict[str, str] = field(default_factory=dict)
    """The order's id by the customer's key."""
    repeated: int = 0
    replayed: int = 0
    """Orders that had been placed already when they were requested again."""
    _over: Event = field(default_factory=Event)

    @contextmanager
    def running(self, customers: int) -> Iterator["Load"]:
        """With this many customers; at the end they wait for their last answers."""
        with ThreadPoolExecutor(customers) as crowd:
            buying = [crowd.submit(self._buy) for _ in range(customers)]
            try:
                yield self
            finally:
                self._over.set()
            for future in buying:
                future.result()

    def wait_for(self, orders: int) -> None:
        """Returns when so many more orders were acknowledged."""
        goal, deadline = len(self.acknowledged) + orders, monotonic() + TIMEOUT
        while len(self.acknowledged) < goal:
            assert monotonic() < deadline, "the customers are not served"
            sleep(0.01)

    def _buy(self) -> None:
        while not self._over.is_set():
            key = uuid4().hex
            self.acknowledged[key] = self._insist(key)
        self.server.hang_up()

    def _insist(self, key: str) -> str:
        deadline = monotonic() + TIMEOUT
        while monotonic() < deadline:
            reply = self._try(key)
            if reply is not None and reply.status == 201:
                self.replayed += "idempotency-replayed" in reply.headers
                return str(reply.body["id"])
            # A refusal of any other kind is no failure to be sat out.
            assert reply is None or reply.status in self.later, reply
            self.repeated += 1
            sleep(0.05)
        raise AssertionError(f"no answer in {TIMEOUT:.0f} s")

    def _try(self, key: str) -> Reply | None:
        body = {"lines": [{"product": self.product, "quantity": 1}]}
        headers = {"Idempotency-Key": key}
        try:
            return self.server.call("POST", "orders", body, token=self.token, headers=headers)
        except (OSError, http.client.HTTPException):
            return None
