"""Orders under way while a server gets TERM: what was taken is answered, or never was.

Every order has a connection and a separate Idempotency-Key, so each falls into one of three:
answered; never taken (the connection was refused or reset before it was read); or taken and cut
off, which must not happen. Asking again with the same key after a new start tells the last two
apart: a key that was taken is replayed.
"""

from __future__ import annotations

import http.client
import json
import threading
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

HOST = "127.0.0.1"
WAIT_SECONDS = 30


@dataclass
class Rush:
    """`customers` threads that order one unit after the other from a server on this machine."""

    port: int
    token: str
    products: list[int]
    customers: int = 16
    answered: dict[str, int] = field(default_factory=dict)
    unanswered: list[str] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _enough: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Begin to order."""
        self._threads = [
            threading.Thread(target=self._order_on, args=(number,), daemon=True)
            for number in range(self.customers)
        ]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Stop ordering, and wait for what is under way."""
        self._enough.set()
        for thread in self._threads:
            thread.join()

    def statuses(self) -> Counter[int]:
        """How many answers of which status."""
        return Counter(self.answered.values())

    def cut_off(self) -> list[str]:
        """Ask again for what had no answer: the keys of orders that were taken all the same."""
        again = {key: self.order(key, self.products[0]) for key in self.unanswered}
        return [key for key, (_, replayed) in again.items() if replayed]

    def order(self, key: str, product: int) -> tuple[int, bool]:
        """Order one unit: the status, and whether it is an order from before. Raises OSError."""
        body = json.dumps({"lines": [{"product": product, "quantity": 1}]})
        headers = bearer(self.token) | {"Content-Type": "application/json", "Idempotency-Key": key}
        answer, _ = request(self.port, "POST", "/api/v1/orders", body, headers)
        return answer.status, answer.getheader("Idempotency-Replayed") == "true"

    def _order_on(self, number: int) -> None:
        product = self.products[number % len(self.products)]
        while not self._enough.is_set():
            key = str(uuid.uuid4())
            try:
                self.answered[key], _ = self.order(key, product)
            except ConnectionRefusedError:
                return
            except (OSError, http.client.HTTPException):
                self.unanswered.append(key)


def bearer(token: str) -> dict[str, str]:
    """The header of a request with a token."""
    return {"Authorization": f"Bearer {token}"}


def request(
    port: int,
    method: str,
    path: str,
    body: str | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[http.client.HTTPResponse, Any]:
    """One request on a separate connection; the answer and its parsed body. Raises OSError."""
    connection = http.client.HTTPConnection(HOST, port, timeout=WAIT_SECONDS)
    try:
        connection.request(method, path, body, {"Connection": "close", **(headers or {})})
        answer = connection.getresponse()
        return answer, json.loads(answer.read() or b"null")
    finally:
        connection.close()
