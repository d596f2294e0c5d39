"""A request with several faults is answered with all of them."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Answer, Api
from tests.v1.placing import place

Product = Callable[..., int]
NO_CURSOR, NO_LIMIT = ("cursor", "invalid_cursor"), ("limit", "wrong_type")


def faults(answer: Answer) -> list[tuple[str, str]]:
    assert (answer.status, answer.body["code"]) == (400, "validation_error")
    return sorted((fault["pointer"], fault["code"]) for fault in answer.body["errors"])


@pytest.mark.parametrize(
    "path",
    [
        *("products", "categories", "orders", "me/addresses", "me/sessions", "auth/keys"),
        *("orders/{order}/events", "orders/{order}/payments"),
        *("refunds-due", "audit", "products/{product}/ledger"),
    ],
)
def test_a_list_names_a_faulty_cursor_and_limit(
    owner: Api, customer: Api, product: Product, path: str
) -> None:
    jam = product()
    order = place(customer, (jam, 1)).body["id"]
    answer = owner("GET", f"{path.format(order=order, product=jam)}?cursor=x&limit=x")
    assert faults(answer) == [NO_CURSOR, NO_LIMIT]


def test_the_history_names_a_faulty_status_with_the_others(customer: Api) -> None:
    answer = customer("GET", "orders?status=bogus&limit=x&cursor=x")
    assert faults(answer) == [NO_CURSOR, NO_LIMIT, ("status", "unknown_value")]
    answer = customer("GET", "orders.csv?status=bogus&product=x")
    assert faults(answer) == [("product", "wrong_type"), ("status", "unknown_value")]


@pytest.mark.parametrize("path", ["products/changes", "orders/changes"])
def test_a_feed_names_a_faulty_since_and_limit(customer: Api, path: str) -> None:
    answer = customer("GET", f"{path}?since=x&limit=x")
    assert faults(answer) == [NO_LIMIT, ("since", "invalid_since")]


def test_a_feed_names_the_since_of_another_customer_with_the_others(
    customer: Api, owner: Api
) -> None:
    since = owner("GET", "orders/changes").body["since"]
    answer = customer("GET", f"orders/changes?since={since}&limit=x")
    assert faults(answer) == [NO_LIMIT, ("since", "invalid_since")]


def test_a_cursor_of_another_order_of_the_list_is_refused_with_the_others(
    customer: Api, product: Product
) -> None:
    for _ in range(2):
        product()
    cursor = customer("GET", "products?limit=1").body["next"].partition("?")[2]
    answer = customer("GET", f"products?{cursor}&ordering=price&ids=x")
    assert faults(answer) == [NO_CURSOR, ("ids", "invalid_format")]


@pytest.mark.parametrize("path", ["orders", "cart/submit"])
def test_a_hold_that_is_too_long_is_refused(customer: Api, product: Product, path: str) -> None:
    body: dict[str, Any] = {"payment": {"required": True, "hold_seconds": 3_601}}
    if path == "orders":
        body |= {"lines": [{"product": product(), "quantity": 1}]}
    assert faults(customer("POST", path, body)) == [("/payment/hold_seconds", "out_of_range")]


def test_a_faulty_sku_of_the_path_is_named_with_that_of_the_body(staff: Api) -> None:
    answer = staff("PUT", f"products/by-sku/{'x' * 65}", {"sku": "y", "name": "Y", "price": "1.00"})
    assert faults(answer) == [("/sku", "not_of_the_path"), ("sku", "too_long")]
