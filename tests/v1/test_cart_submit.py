"""A submitted cart becomes one order with all lines or none, also after repeated requests."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from larder.catalog.services.products import archive_product, change_product
from tests.conftest import Answer, Api
from tests.v1.carts import put, refusal
from tests.v1.placing import faulty
from tests.v1.reading import figures

Product = Callable[..., int]
KEY = {"Idempotency_Key": "k"}


def submit(api: Api, headers: dict[str, str] | None = None, **body: Any) -> Answer:
    return api("POST", "cart/submit", body, **(headers or {}))


def test_a_submitted_cart_is_an_order_under_the_same_id(customer: Api, product: Product) -> None:
    tea, jam = product(stock=9, price="2.2"), product(stock=5)
    cart = put(customer, (tea, 3), (jam, 5))
    placed = submit(customer, note="Ring twice.", reference="PO 7", requested_for="2026-12-24")
    assert placed.status == 201
    order = placed.body
    assert (order["id"], order["status"], order["total"]) == (cart.body["id"], "placed", "14.10")
    assert (order["note"], order["reference"]) == ("Ring twice.", "PO 7")
    assert order["requested_for"] == "2026-12-24"
    assert [(line["product"], line["quantity"]) for line in order["lines"]] == [(tea, 3), (jam, 5)]
    assert placed.headers["Location"] == f"/api/v1/orders/{order['id']}"
    read = customer("GET", placed.headers["Location"])
    assert (read.body, read.headers["ETag"]) == (order, placed.headers["ETag"])
    assert figures(customer, tea, jam) == {tea: 6, jam: 0}
    assert customer("GET", "cart").body["id"] is None


def test_a_cart_is_submitted_without_a_body(customer: Api, product: Product) -> None:
    put(customer, (product(), 1))
    assert customer("POST", "cart/submit").status == 201


def test_an_empty_cart_is_not_submitted(customer: Api, product: Product) -> None:
    assert refusal(submit(customer)) == (409, "cart_empty")
    put(customer, (product(), 1))
    put(customer)
    assert refusal(submit(customer, KEY)) == (409, "cart_empty")
    put(customer, (product(), 1))
    assert submit(customer, KEY).status == 201


def test_a_refused_cart_names_every_faulty_line_and_is_kept(
    customer: Api, product: Product, now: datetime
) -> None:
    jam, tea, rice = product(stock=1), product(price="2"), product()
    hat, soap = product(price="1"), product(min_quantity=3)
    cart = put(customer, (jam, 2), (tea, 1), (rice, 1), (hat, 1), (soap, 2))
    for changed in (tea, rice):
        change_product(changed, {"price": Decimal(3)}, caller=None, now=now)
    archive_product(rice, caller=None, now=now)
    refused = submit(customer, expected_total=cart.body["total"])
    assert refusal(refused) == (422, "unknown_product")
    assert faulty(refused) == [
        ("insufficient_stock", jam),
        ("unknown_product", rice),
        ("price_changed", tea),
        ("order_rule", soap),
    ]
    assert figures(customer, jam, hat) == {jam: 1, hat: 10}
    after = customer("GET", "cart").body
    assert (after["id"], after["version"]) == (cart.body["id"], cart.body["version"])


def test_a_cart_with_another_total_than_expected_is_not_placed(
    customer: Api, product: Product, now: datetime
) -> None:
    jam, tea = product(price="1.50"), product(price="2")
    shown = put(customer, (jam, 2), (tea, 1)).body["total"]
    change_product(jam, {"price": Decimal("1.75")}, caller=None, now=now)
    refused = submit(customer, expected_total=shown)
    assert refusal(refused) == (409, "price_changed")
    assert refused.body["lines"] == [
        {"code": "price_changed", "product": jam, "expected": "1.50", "price": "1.75"}
    ]
    assert (refused.body["total"], refused.body["expected"]) == ("5.50", "5.00")
    again = customer("GET", "cart").body["total"]
    assert submit(customer, expected_total=again).body["total"] == "5.50"


@pytest.mark.parametrize("total", ["", "-1", "1.2345", "1,5", 3, "9" * 22])
def test_an_expected_total_is_an_amount_of_money(customer: Api, total: Any) -> None:
    refused = submit(customer, expected_total=total)
    assert refusal(refused) == (400, "validation_error")
    assert [fault["pointer"] for fault in refused.body["errors"]] == ["/expected_total"]


def test_a_repeated_submission_with_the_key_has_the_same_answer(
    customer: Api, product: Product
) -> None:
    jam = product(stock=9)
    put(customer, (jam, 2))
    first, again = (submit(customer, KEY, note="x") for _ in "12")
    assert (again.status, again.body) == (201, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Location"] == first.headers["Location"]
    assert figures(customer, jam) == {jam: 7}


def test_a_lost_answer_is_found_under_the_id_of_the_cart(customer: Api, product: Product) -> None:
    cart = put(customer, (product(), 2))
    submit(customer)
    assert refusal(submit(customer)) == (409, "cart_empty")
    order = customer("GET", f"orders/{cart.body['id']}")
    assert (order.status, order.body["status"]) == (200, "placed")


def test_a_repeat_with_the_etag_does_not_place_the_next_cart(
    customer: Api, product: Product
) -> None:
    jam = product(stock=9)
    tag = put(customer, (jam, 2)).headers["ETag"]
    submit(customer, {"If_Match": tag})
    assert refusal(submit(customer, {"If_Match": tag})) == (412, "precondition_failed")
    put(customer, (jam, 2))
    assert refusal(submit(customer, {"If_Match": tag})) == (412, "precondition_failed")
    assert figures(customer, jam) == {jam: 7}


def test_a_cart_with_an_outdated_etag_is_not_placed(customer: Api, product: Product) -> None:
    jam = product(stock=9)
    tag = put(customer, (jam, 2)).headers["ETag"]
    changed = put(customer, (jam, 3))
    assert refusal(submit(customer, {"If_Match": tag})) == (412, "precondition_failed")
    assert figures(customer, jam) == {jam: 9}
    assert submit(customer, {"If_Match": changed.headers["ETag"]}).status == 201
