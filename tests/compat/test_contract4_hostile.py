"""Contract 4 and what no client should send: refused in a known shape, never a 5xx."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.compat.conftest import Door
from tests.compat.documented import Documented

MakeProduct = Callable[..., int]
JAM = {"name": "Jam", "price": "11.11", "quantity_in_stock": 10}
WRITES = ("POST", "PUT", "PATCH")


@pytest.fixture(name="keeper")
def _keeper(keeper: Door) -> Documented:
    return Documented("4", keeper)


@pytest.fixture(name="shopper")
def _shopper(shopper: Door) -> Documented:
    return Documented("4", shopper)


def path(method: str, product: int) -> str:
    """Where a product is written with a method."""
    return "/products/" if method == "POST" else f"/products/{product}/"


def nested(opening: str, closing: str) -> bytes:
    """Ten thousand deep."""
    return (opening * 10_000 + "1" + closing * 10_000).encode()


BROKEN: dict[str, bytes] = {
    "half an object": b'{"name": ',
    "no JSON": b"name=Jam&price=1&quantity_in_stock=1",
    "not UTF-8": b'{"name": "\xff\xfe", "price": "1", "quantity_in_stock": 1}',
    "NaN": b'{"name": "Jam", "price": NaN, "quantity_in_stock": 1}',
    "Infinity": b'{"name": "Jam", "price": 1, "quantity_in_stock": -Infinity}',
    "lone surrogate": b'{"name": "\\ud800", "price": "1", "quantity_in_stock": 1}',
    "deep list": nested("[", "]"),
    "deep object": nested('{"a":', "}"),
    "endless number": b'{"name": "Jam", "price": ' + b"9" * 10_000 + b', "quantity_in_stock": 1}',
}
"""Bodies that are no JSON that could be stored."""


@pytest.mark.parametrize("method", WRITES)
def test_what_is_no_json_is_refused_and_changes_nothing(
    keeper: Documented, product: MakeProduct, method: str
) -> None:
    tea = product()
    before = keeper("GET", "/products/").body
    for kind, body in BROKEN.items():
        reply = keeper(method, path(method, tea), body)
        assert (reply.status, list(reply.body)) == (400, ["detail"]), kind
    assert keeper("GET", "/products/").body == before


@pytest.mark.parametrize("method", WRITES)
def test_json_that_is_no_object_is_refused(
    keeper: Documented, product: MakeProduct, method: str
) -> None:
    tea = product()
    for body in ([], [JAM], "Jam", 7, None, True):
        reply = keeper(method, path(method, tea), json.dumps(body).encode())
        assert (reply.status, list(reply.body)) == (400, ["non_field_errors"]), body


BEYOND: list[tuple[str, Any]] = [
    ("name", {"a": ["b"]}),
    ("name", "x" * 1_000_000),
    ("price", "1" * 5_000),
    ("price", "1e400"),
    ("price", "-1e400"),
    ("price", [1]),
    ("price", 1e300),
    ("quantity_in_stock", "9" * 5_000),
    ("quantity_in_stock", 1e300),
    ("quantity_in_stock", {"a": 1}),
    ("quantity_in_stock", -(10**30)),
]


def test_values_beyond_all_limits_are_refused_by_their_field(keeper: Documented) -> None:
    for field, value in BEYOND:
        reply = keeper("POST", "/products/", JAM | {field: value})
        assert (reply.status, list(reply.body)) == (400, [field])
        assert [type(one) for one in reply.body[field]] == [str]


def test_three_megabytes_are_too_much(
    keeper: Documented, shopper: Documented, product: MakeProduct
) -> None:
    tea, body = product(), b"x" * 3_000_000
    for reply in (
        keeper("POST", "/products/", body),
        keeper("PATCH", f"/products/{tea}/", body),
        shopper("POST", f"/products/{tea}/add_to_order/", body),
    ):
        assert (reply.status, list(reply.body)) == (413, ["detail"])
    assert shopper("GET", "/orders/").body == []


def chunked(body: bytes) -> bytes:
    """A body as it is sent without a length."""
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


def test_a_body_without_a_length_is_refused(keeper: Documented) -> None:
    raw = chunked(json.dumps(JAM).encode())
    reply = keeper("POST", "/products/", raw, Transfer_Encoding="chunked")
    assert (reply.status, list(reply.body)) == (411, ["detail"])
    assert keeper("GET", "/products/").body == []


def test_other_media_types_are_refused(keeper: Documented) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "x", ""):
        reply = keeper("POST", "/products/", b"name=Jam", Content_Type=kind)
        assert (reply.status, list(reply.body)) == (415, ["detail"])


def test_no_body_at_all_lacks_every_field(keeper: Documented) -> None:
    reply = keeper("POST", "/products/")
    required = {name: ["This field is required."] for name in JAM}
    assert (reply.status, reply.body) == (400, required)


def test_answers_are_json_for_browsers_too(shopper: Documented) -> None:
    accept = "text/html,application/xhtml+xml,*/*;q=0.8"
    reply = shopper("GET", "/products/", Accept=accept)
    assert (reply.status, reply.body) == (200, [])
    assert shopper("GET", "/products/", Accept="text/html").status == 406


def test_an_id_that_is_no_number_is_the_id_of_nothing(shopper: Documented) -> None:
    for id in ("-1", "1.0", "x", "%00", "1%20", "%D9%A1"):
        for shape in ("/products/{}/", "/orders/{}/", "/orders/{}/submit/"):
            method = "POST" if "submit" in shape else "GET"
            reply = shopper.door(method, shape.format(id))
            assert (reply.status, "detail" in reply.body) == (404, True)
