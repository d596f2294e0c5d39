"""Repeated requests: keys and client-chosen ids of orders and products.

Here one request follows another; for concurrent equal requests see tests/system/race.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from tests.conftest import Api
from tests.v1.placing import place
from tests.v1.reading import figures

Product = Callable[..., int]
KEY = {"Idempotency_Key": "k"}


def test_a_repeated_key_returns_the_same_order(customer: Api, product: Product) -> None:
    jam = product(stock=9)
    first, again = (place(customer, (jam, 2), headers=KEY) for _ in "12")
    assert (again.status, again.body) == (201, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Location"] == first.headers["Location"]
    assert figures(customer, jam) == {jam: 7}


def test_equal_requests_in_different_notation_are_repeats(customer: Api, product: Product) -> None:
    jam, tea = product(stock=9, price="2"), product(stock=9)
    body = (
        b'{"lines":[{"product":%d,"quantity":2,"expected_price":"2"},{"quantity":1,"product":%d}]}'
    )
    first = customer("POST", "orders", body % (jam, tea), **KEY)
    spaced = body.replace(b":", b" : ").replace(b'"2"', b'"2.000"')
    halves = b'{"note":"","lines":[{"product":%d,"quantity":1},' % tea + b"%s" + b"]}"
    again = customer("POST", "orders", spaced % (jam, tea), **KEY)
    assert (first.status, again.status) == (201, 201)
    assert again.body == first.body
    turned = halves % (b'{"product":%d,"quantity":2,"expected_price":"2.00"}' % jam)
    assert customer("POST", "orders", turned, **KEY).body == first.body


CHOSEN = "01890a5d-ac96-774b-bcce-b302099a8057"
DIFFERENT: list[dict[str, Any]] = [
    {"note": "x"},
    {"reference": "x"},
    {"requested_for": "2026-12-24"},
    {"ship_to": {"name": "x"}},
    {"id": CHOSEN},
]


@pytest.mark.parametrize("rest", DIFFERENT)
def test_a_key_is_refused_for_another_order(
    customer: Api, product: Product, rest: dict[str, Any]
) -> None:
    jam = product(stock=9)
    place(customer, (jam, 2), headers=KEY)
    refused = place(customer, (jam, 2), headers=KEY, **rest)
    assert (refused.status, refused.body["code"]) == (422, "idempotency_key_reused")
    refused = place(customer, (jam, 3), headers=KEY)
    assert (refused.status, refused.body["code"]) == (422, "idempotency_key_reused")
    assert figures(customer, jam) == {jam: 7}


def test_an_invalid_request_does_not_use_its_key(customer: Api, product: Product) -> None:
    assert customer("POST", "orders", {"lines": []}, **KEY).status == 400
    assert place(customer, (product(), 1), headers=KEY).status == 201


@pytest.mark.parametrize("key", ["x", "x" * 255, "!~", 'a"b{}', "01890a5d-ac96-774b"])
def test_a_key_is_up_to_255_visible_characters(customer: Api, product: Product, key: str) -> None:
    jam = product()
    answers = [place(customer, (jam, 1), headers={"Idempotency_Key": key}) for _ in "12"]
    assert answers[0].body["id"] == answers[1].body["id"]


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "é", "\x00", "a\tb", "\x7f"])
def test_an_invalid_key_is_refused(customer: Api, product: Product, key: str) -> None:
    refused = place(customer, (product(), 1), headers={"Idempotency_Key": key})
    assert (refused.status, refused.body["code"]) == (400, "validation_error")
    assert [fault["pointer"] for fault in refused.body["errors"]] == ["Idempotency-Key"]


@pytest.mark.parametrize(
    ("method", "path", "header"),
    [
        ("POST", "orders", {"Idempotency_Key": "a b"}),
        ("PUT", "products/by-sku/JAM", {"If_None_Match": '"1-ab"'}),
    ],
)
def test_a_faulty_header_is_named_with_the_faults_of_the_body(
    staff: Api, method: str, path: str, header: dict[str, str]
) -> None:
    refused = staff(method, path, {"x": 1}, **header)
    assert (refused.status, refused.body["code"]) == (400, "validation_error")
    named = {fault["pointer"] for fault in refused.body["errors"]}
    assert named > {"/x", *(name.replace("_", "-") for name in header)}


def test_an_order_can_be_read_by_the_id_that_the_client_chose(
    customer: Api, product: Product
) -> None:
    jam, id = product(stock=9), "0f8a3b5e-7a63-4f5e-9d34-7d9f6b1a2c3d"
    first, again = (place(customer, (jam, 2), id=id) for _ in "12")
    assert (first.status, first.body["id"]) == (201, id)
    assert (again.status, again.body) == (201, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"
    written_otherwise = place(customer, (jam, 2), id=UUID(id).hex.upper())
    assert written_otherwise.body == first.body
    assert figures(customer, jam) == {jam: 7}


@pytest.mark.parametrize(
    ("again", "pointers"),
    [
        ({"headers": KEY}, ["Idempotency-Key"]),
        ({"id": CHOSEN}, ["/id"]),
        ({"id": CHOSEN, "headers": {"Idempotency_Key": "other"}}, ["/id"]),
        ({"id": CHOSEN, "headers": KEY}, ["/id", "Idempotency-Key"]),
    ],
)
def test_a_refused_repeat_says_whether_the_key_or_the_id_was_used(
    customer: Api, product: Product, again: dict[str, Any], pointers: list[str]
) -> None:
    jam = product(stock=9)
    place(customer, (jam, 1), id=CHOSEN, headers=KEY)
    refused = place(customer, (jam, 2), **again)
    assert (refused.status, refused.body["code"]) == (422, "idempotency_key_reused")
    faults = [(fault["pointer"], fault["code"]) for fault in refused.body["errors"]]
    assert faults == [(pointer, "reused") for pointer in pointers]


def test_a_repeated_request_creates_one_product(staff: Api) -> None:
    asked = {"sku": "S", "name": "N", "price": "1", "quantity": 5}
    first, again = (staff("POST", "products", asked, **KEY) for _ in "12")
    assert (again.status, again.body) == (201, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"
    same_price = staff("POST", "products", asked | {"price": "1.00"}, **KEY)
    assert same_price.body == first.body
    other = staff("POST", "products", asked | {"price": "2"}, **KEY)
    assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")


def test_a_repeat_returns_a_product_that_was_archived_meanwhile(staff: Api) -> None:
    asked = {"sku": "S", "name": "N", "price": "1"}
    first = staff("POST", "products", asked, **KEY)
    staff("DELETE", first.headers["Location"])
    again = staff("POST", "products", asked, **KEY)
    assert (again.status, again.body["id"]) == (201, first.body["id"])
