"""python -m tools.smoke URL: log in, look at the products, order, find the order, cancel it.

For after a deployment. SMOKE_USERNAME and SMOKE_PASSWORD name a customer who may order; not set,
the demo customer. The order is of one unit of the first product in stock, and is cancelled.
Standard library only. Status 1, and one line, at the first answer that is not as it should be.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
import uuid
from typing import Any

from tools.terminal import complain, say

WAIT_SECONDS = 30


class SmokeError(Exception):
    """An answer was not as it should be."""


class Client:
    """One customer's requests to a server."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._token = ""

    def ask(self, method: str, path: str, body: Any = None, *, expected: int = 200) -> Any:
        """Send a request, return the parsed body. Raises SmokeError."""
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if path == "orders" and method == "POST":
            headers["Idempotency-Key"] = str(uuid.uuid4())
        data = None if body is None else json.dumps(body).encode()
        address = f"{self._url}/api/v1/{path}"
        request = urllib.request.Request(address, data, headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=WAIT_SECONDS) as answer:  # noqa: S310
                status, content = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, content = error.code, error.read()
        except OSError as error:
            raise SmokeError(f"{method} {address}: {error}") from None
        if status != expected:
            text = content[:500].decode(errors="replace")
            raise SmokeError(f"{method} {address} answered {status}: {text}")
        return json.loads(content)

    def log_in(self, username: str, password: str) -> None:
        """Get a token, and send it from now on."""
        given = {"username": username, "password": password}
        self._token = self.ask("POST", "auth/token", given)["access"]


def main() -> int:
    """Do the customer's job once."""
    if len(sys.argv) != 2 or not sys.argv[1].startswith(("http://", "https://")):
        complain("usage: python -m tools.smoke http://127.0.0.1:8000")
        return 2
    try:
        say(smoke(Client(sys.argv[1])))
    except SmokeError as error:
        complain(str(error))
        return 1
    return 0


def smoke(client: Client) -> str:
    """Return what was done, in one line. Raises SmokeError."""
    username = os.environ.get("SMOKE_USERNAME") or "demo"
    client.log_in(username, os.environ.get("SMOKE_PASSWORD") or "demo")
    products = client.ask("GET", "products?in_stock=true&limit=20")["results"]
    if not products:
        raise SmokeError("No product is in stock.")
    product = min(products, key=lambda one: int(one["min_quantity"]))
    line = {"product": product["id"], "quantity": product["min_quantity"]}
    order = client.ask("POST", "orders", {"lines": [line], "note": "smoke test"}, expected=201)
    try:
        history = client.ask("GET", "orders?limit=20")["results"]
        if order["id"] not in {one["id"] for one in history}:
            raise SmokeError(f"Order {order['id']} is not in its customer's history.")
    finally:
        cancelled = client.ask("POST", f"orders/{order['id']}/cancel", {})
    if cancelled["status"] != "cancelled":
        raise SmokeError(f"Order {order['id']} is {cancelled['status']}, not cancelled.")
    return f"token, list, order {order['number']} of {order['total']}, history, cancelled: all well"


if __name__ == "__main__":
    sys.exit(main())
