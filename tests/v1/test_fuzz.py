"""Random bodies and queries cause no error of the server.

The client of these tests checks every answer against the document, so each is one that the
operation documents.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from larder.identity.permissions import ALL
from tests.conftest import Answer, Api

within_a_test = settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
numbers = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
odd_texts = st.sampled_from(
    ["", "\0", "\n", "1.5", "1e400", "null", "2026-01-01", "%", "\ufdfa", "x" * 3_000]
)
scalars = st.none() | st.booleans() | numbers | st.text(max_size=30) | odd_texts
junk = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


def object_of(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with these names: each present or not, right or wrong, and sometimes with another
    name.
    """
    known = {name: values | junk for name, values in fields.items()}
    more = st.dictionaries(st.text(max_size=5), junk, max_size=1)
    return st.builds(lambda a, b: a | b, st.fixed_dictionaries({}, optional=known), more)


small = st.integers(1, 5)
prices = st.decimals(0, 10, places=3).map(str)
names = st.text(min_size=1, max_size=20)
lines = st.lists(object_of(product=small, quantity=small, expected_price=prices), max_size=4)
stock_lines = st.lists(
    object_of(product=small, sku=names, delta=st.integers(-9, 9), counted=small), max_size=4
)
BODIES = {
    "orders": object_of(
        lines=lines,
        id=st.uuids().map(str),
        note=names,
        ship_to=object_of(name=names, country=st.just("GB")),
        requested_for=st.dates().map(str),
        customer=small,
    ),
    "cart/submit": object_of(
        expected_total=prices,
        note=names,
        ship_to=object_of(name=names, country=st.just("GB")),
        requested_for=st.dates().map(str),
    ),
    "products": object_of(
        sku=names,
        name=names,
        price=prices,
        quantity=small,
        step=small,
        max_per_order=small,
        category=small,
    ),
    "stock/adjustments": object_of(reason=st.just("received"), lines=stock_lines),
    "categories": object_of(name=names, parent=small),
    "auth/register": object_of(username=names, password=names, email=st.emails()),
    "auth/token": object_of(username=names, password=names),
    "auth/token/refresh": object_of(refresh=names),
    "auth/keys": object_of(
        name=names,
        permissions=st.lists(names | st.sampled_from(sorted(ALL)), max_size=3),
        expires_at=st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
    ),
}


def fits(answer: Answer) -> bool:
    return answer.status < 500


@pytest.mark.parametrize("path", BODIES)
@within_a_test
@given(choice=st.data())
def test_a_body_of_any_shape_gets_a_documented_answer(
    staff: Api, five_products: None, path: str, choice: st.DataObject
) -> None:
    body = choice.draw(BODIES[path] | junk)
    assert fits(staff("POST", path, json.dumps(body).encode()))


PUTS = {
    "cart": object_of(
        lines=st.lists(object_of(product=small, quantity=small), min_size=1, max_size=4)
    ),
    "cart/lines/1": object_of(quantity=small),
}


@pytest.mark.parametrize("path", PUTS)
@within_a_test
@given(choice=st.data())
def test_a_put_of_any_shape_gets_a_documented_answer(
    staff: Api, five_products: None, path: str, choice: st.DataObject
) -> None:
    body = choice.draw(PUTS[path] | junk)
    assert fits(staff("PUT", path, json.dumps(body).encode()))
    assert fits(staff("POST", "cart/submit"))


@within_a_test
@given(body=object_of(username=names, email=st.emails(), first_name=names, last_name=names) | junk)
def test_a_change_of_any_shape_gets_a_documented_answer(staff: Api, body: object) -> None:
    assert fits(staff("PATCH", "me", json.dumps(body).encode()))


@within_a_test
@given(body=st.binary(max_size=40), cut=st.integers(0, 60))
def test_a_body_of_any_bytes_gets_a_documented_answer(
    staff: Api, five_products: None, body: bytes, cut: int
) -> None:
    right = b'{"lines": [{"product": 1, "quantity": 1, "expected_price": "1.50"}]}'
    for raw in (body, right[:cut], right[:cut] + body, right[:cut] + body + right[cut:]):
        assert fits(staff("POST", "orders", raw))


QUERIES = {
    "products": [
        "q",
        "category",
        "min_price",
        "in_stock",
        "ids",
        "ordering",
        "limit",
        "cursor",
        "count",
    ],
    "orders": ["status", "placed_after", "customer", "number", "product", "limit", "cursor"],
    "stock": ["products"],
    "categories": ["limit", "cursor"],
    "auth/keys": ["limit", "cursor", "customer"],
    "audit": ["object", "actor", "after", "limit", "cursor"],
}


@pytest.mark.parametrize("path", QUERIES)
@within_a_test
@given(choice=st.data())
def test_a_query_of_any_kind_gets_a_documented_answer(
    staff: Api, five_products: None, path: str, choice: st.DataObject
) -> None:
    values = st.text(max_size=20) | odd_texts | numbers.map(str)
    query = choice.draw(st.dictionaries(st.sampled_from(QUERIES[path]), values, max_size=3))
    assert fits(staff("GET", f"{path}?{urlencode(query)}"))


@pytest.fixture
def five_products(product: Callable[..., int]) -> None:
    """Objects that some of the requests address."""
    for _ in range(5):
        product(stock=3)
