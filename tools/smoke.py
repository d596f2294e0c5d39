"""python -m tools.smoke URL: log in, look at the products, order, find the order, cancel it.

For after a deployment. SMOKE_USERNAME and SMOKE_PASSWORD name a customer who may order; not set,
the demo customer. The order is of one unit of the first product in stock, and is cancelled.
Standard library only. Status 1, and one line, at the first answer that is not as it should be.
"""

from __future__ import annotations

import os
import sys
import uuid
from typing import Any

from larder.local.terminal import complain, say
from tools.http_client import Client


class SmokeError(Exception):
    """An answer was not as it should be."""


def main() -> int:
    """Do the customer's job once."""
    if len(sys.argv) != 2 or not sys.argv[1].startswith(("http://", "https://")):
        complain("usage: python -m tools.smoke http://127.0.0.1:8000")
        return 2
    try:
        say(smoke(Client(0, url=sys.argv[1])))
    except SmokeError as error:
        complain(str(error))
        return 1
    return 0


def smoke(client: Client) -> str:
    """Return what was done, in one line. Raises SmokeError."""
    token = ""

    def ask(method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        headers = {"Idempotency-Key": str(uuid.uuid4())} if path == "orders" and body else {}
        reply = client.attempt(method, path, body, token=token, headers=headers)
        if reply.status != status:
            raise SmokeError(f"{method} {path} answered {reply.status}: {str(reply.body)[:500]}")
        return reply.body

    account = {
        "username": os.environ.get("SMOKE_USERNAME") or "demo",
        "password": os.environ.get("SMOKE_PASSWORD") or "demo",
    }
    token = ask("POST", "auth/token", account)["access"]
    products = ask("GET", "products?in_stock=true&limit=20")["results"]
    if not products:
        raise SmokeError("No product is in stock.")
    product = min(products, key=lambda product: int(product["min_quantity"]))
    line = {"product": product["id"], "quantity": product["min_quantity"]}
    order = ask("POST", "orders", {"lines": [line], "note": "smoke test"}, status=201)
    history = ask("GET", "orders?limit=20")["results"]
    cancelled = ask("POST", f"orders/{order['id']}/cancel", {})
    if order["id"] not in {each["id"] for each in history} or cancelled["status"] != "cancelled":
        raise SmokeError(f"Order {order['id']} is not in its customer's history, or not cancelled.")
    return f"token, list, order {order['number']} of {order['total']}, history, cancelled: all well"


if __name__ == "__main__":
    sys.exit(main())
