"""Requests the orders of another customer, with the token of an account and without one."""

from __future__ import annotations

from tools.attack.target import Person, Target, require

ITEM = 0
TITLE = "Other customers' orders"
PROMISE = "Requests for an order of another customer are answered as if it did not exist."


def attack(target: Target, *, full: bool) -> str:
    """Return how many requests were refused; raises Broken."""
    owner, thief = target.customer(), target.customer()
    product = target.product(stock=50)
    orders = [_order(target, owner, product) for _ in range(10 if full else 3)]
    requests = [request for order in orders for request in _requests(order)]
    for method, path, body in requests:
        reply = target.call(method, path, body, token=thief.access)
        require(reply.status == 404, f"{method} {path} of another customer: {reply.status}")
        reply = target.call(method, path, body)
        require(reply.status == 401, f"{method} {path} without a token: {reply.status}")
    return f"{2 * len(requests)} requests refused"


def _order(target: Target, owner: Person, product: int) -> str:
    body = {"lines": [{"product": product, "quantity": 1}]}
    reply = target.call("POST", "orders", body, token=owner.access)
    require(reply.status == 201, f"an order was answered {reply.status}")
    return str(reply.body["id"])


def _requests(order: str) -> list[tuple[str, str, object]]:
    return [
        ("GET", f"orders/{order}", None),
        ("GET", f"orders/{order}/events", None),
        ("PATCH", f"orders/{order}", {"note": "mine now"}),
        ("POST", f"orders/{order}/cancel", {}),
        ("GET", f"/api/orders/{order}/", None),
    ]
