"""Records payments, and reads what is due."""

from typing import Any

from tests.conftest import Answer, Api


def record(api: Api, order: Answer, amount: int, kind: str = "captured", **other: Any) -> Answer:
    """Records a movement of the transaction `t` in pounds."""
    body = {"provider": "cash", "kind": kind, "transaction_id": "t", "amount": amount}
    return api("POST", f"orders/{order.body['id']}/payments", body | {"currency": "GBP"} | other)


def paid(api: Api, order: Answer) -> tuple[str, str]:
    """Returns the amount due of an order and its payment state."""
    shown = api("GET", f"orders/{order.body['id']}").body
    assert shown["payment"]["required"] is False
    return shown["amount_due"], shown["payment"]["state"]


def due(owner: Api) -> list[tuple[str, int, str]]:
    """The refunds that are due."""
    refunds = owner("GET", "refunds-due").body["results"]
    return [(due["order"], due["amount"], due["currency"]) for due in refunds]
