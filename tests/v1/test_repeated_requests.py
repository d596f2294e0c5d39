"""A client that lost the answer repeats its request with the key: one effect, the same answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from larder.db import database
from tests.conftest import Api

PRODUCT = "{product}"
LINES = [{"product": PRODUCT, "quantity": 2}]


@dataclass(frozen=True)
class Repeated:
    """A request of `who`; `table` gets a row by it. `moves` were made on {order} before. `secret`
    is a member of the answer that is shown once, and null in a repeat."""

    who: str
    path: str
    table: str
    body: Any = None
    moves: tuple[str, ...] = ()
    secret: str = ""


MOVED = '"order_event"'
REQUESTS = [
    Repeated("customer", "orders", '"order"', {"lines": LINES}),
    Repeated("staff", "orders", '"order"', {"lines": LINES}),
    Repeated("customer", "cart/submit", '"order"'),
    Repeated("customer", "orders/{order}/cancel", MOVED),
    Repeated("staff", "orders/{order}/pack", MOVED),
    Repeated("staff", "orders/{order}/ship", MOVED, moves=("pack",)),
    Repeated("staff", "orders/{order}/deliver", MOVED, moves=("pack", "ship")),
    Repeated(
        "staff",
        "orders/{order}/return",
        MOVED,
        {"lines": [{"product": PRODUCT, "quantity": 1}], "reason": "torn"},
        ("pack", "ship"),
    ),
    Repeated(
        "staff",
        "stock/adjustments",
        "ledger_entry",
        {"reason": "received", "lines": [{"product": PRODUCT, "delta": 5}]},
    ),
    Repeated("nobody", "auth/register", "customer", {"username": "Ada", "password": "a good one!"}),
    Repeated("staff", "products", "product", {"sku": "LAMP", "name": "Lamp", "price": "12.50"}),
    Repeated("staff", "products/import", "product", b"sku,name,price\nLAMP,Lamp,12.50\n"),
    Repeated("staff", "categories", "category", {"name": "Lanterns"}),
    Repeated("customer", "auth/keys", "key", secret="key"),
    Repeated("customer", "me/addresses", "address", {"label": "Home"}),
]


def filled(value: Any, product: int) -> Any:
    """Return a body with the product in it."""
    if isinstance(value, dict):
        return {name: filled(each, product) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, product) for each in value]
    return product if value == PRODUCT else value


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda each: f"{each.who} {each.path}")
def test_a_repeat_with_the_key_has_no_second_effect_and_the_same_answer(
    request_: Repeated, customer: Api, staff: Api, product: Callable[..., int]
) -> None:
    jam = product(stock=10)
    api = {"customer": customer, "staff": staff, "nobody": Api()}[request_.who]
    order = customer("POST", "orders", {"lines": filled(LINES, jam)}).body["id"]
    customer("PUT", "cart", {"lines": filled(LINES, jam)})
    for move in request_.moves:
        assert staff("POST", f"orders/{order}/{move}").status == 200
    is_file = isinstance(request_.body, bytes)
    rest = {"content_type": "text/csv"} if is_file else {}

    def send() -> Any:
        path, body = request_.path.format(order=order), filled(request_.body, jam)
        return api("POST", path, body, Idempotency_Key="once", **rest)

    def count() -> int:
        return int(database.rows(f"SELECT count(*) FROM {request_.table}")[0][0])

    before = count()
    first, again = send(), send()
    assert first.status in {200, 201}, first.body
    assert (again.status, again.headers["Idempotency-Replayed"]) == (first.status, "true")
    secret = {request_.secret: None} if request_.secret else {}
    assert again.body == first.body | secret
    assert count() == before + 1
