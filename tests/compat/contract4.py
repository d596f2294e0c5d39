"""Fills and reads the open order of contract 4."""

from typing import Any

from tests.compat.conftest import ApiClient


def add(client: ApiClient, *products: int) -> int:
    """Adds a unit of each; the order's id."""
    for product in products:
        reply = client("POST", f"/products/{product}/add_to_order/")
        assert reply.status == 200, reply.body
    return int(reply.body["order_id"])


def lines(order: dict[str, Any]) -> list[tuple[int, int]]:
    """Product and quantity of each line."""
    return [(line["product"], line["quantity"]) for line in order["orderedproduct_set"]]
