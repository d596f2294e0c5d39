"""Moves orders, and reads what became of them and of their stock."""

from collections.abc import Callable
from typing import Any

from larder.db import database
from tests.conftest import Answer, Api, Person

As = Callable[[Person], Api]


def move(api: Api, order: Answer, name: str, body: Any = None, **headers: str) -> Answer:
    return api("POST", f"orders/{order.body['id']}/{name}", body, **headers)


def moved(staff: Api, order: Answer, *names: str) -> Answer:
    """Makes the moves; returns the order."""
    for name in names:
        order = move(staff, order, name)
        assert order.status == 200, order.body
    return order


def stock(product: int) -> tuple[int, int]:
    """Returns the available and committed units."""
    rows = database.rows("SELECT available, committed FROM stock WHERE product_id = %s", [product])
    return rows[0][0], rows[0][1]


def causes(product: int) -> list[tuple[str, int, int]]:
    """Returns the ledger after the opening stock."""
    return database.rows(
        "SELECT cause, available_change, committed_change FROM ledger_entry"
        " WHERE product_id = %s AND cause <> 'opening' ORDER BY id",
        [product],
    )


def events(api: Api, order: Answer) -> list[dict[str, Any]]:
    listed = api("GET", f"orders/{order.body['id']}/events").body["results"]
    return list(listed)


def returning(*lines: tuple[int, int], **rest: Any) -> dict[str, Any]:
    return {"lines": [{"product": p, "quantity": q, **rest} for p, q in lines], "reason": "Broken."}
