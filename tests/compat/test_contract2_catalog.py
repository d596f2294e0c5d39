"""Contract 2: products read by all clients, written and shipped by staff."""

from collections.abc import Callable
from typing import Any

import pytest

from larder.inventory.models import Stock
from tests.compat.conftest import ApiClient
from tests.compat.documented import Documented

PRODUCTS = "/api/catalog/products/"
JAM = {"name": "Jam", "description": "Red", "price": "100.00", "quantity": 7}
REQUIRED = ["This field is required."]
MakeProduct = Callable[..., int]


@pytest.fixture
def keeper(keeper: ApiClient) -> Documented:
    return Documented("2", keeper)


@pytest.fixture
def shopper(shopper: ApiClient) -> Documented:
    return Documented("2", shopper)


def at(product: int) -> str:
    return f"{PRODUCTS}{product}/"


def available(product: int) -> int:
    return Stock.objects.get(product=product).available


INVALID = ["A valid number is required."]
NO_INTEGER = ["A valid integer is required."]
DECIMALS = ["Ensure that there are no more than 2 decimal places."]
DIGITS = ["Ensure that there are no more than 10 digits in total."]
WHOLE = ["Ensure that there are no more than 8 digits before the decimal point."]
NEGATIVE = ["Ensure this value is greater than or equal to 0."]
BLANK = ["This field may not be blank."]
NULL = ["This field may not be null."]
FAULTS: list[tuple[dict[str, Any], dict[str, list[str]]]] = [
    ({"price": "12.345"}, {"price": DECIMALS}),
    ({"price": 0.1 + 0.2}, {"price": DIGITS}),
    ({"price": "-0.01"}, {"price": NEGATIVE}),
    ({"price": "100000000.00"}, {"price": DIGITS}),
    ({"price": "100000000"}, {"price": WHOLE}),
    ({"price": 10**30}, {"price": DIGITS}),
    ({"price": "NaN"}, {"price": INVALID}),
    ({"price": "Infinity"}, {"price": INVALID}),
    ({"price": "cheap"}, {"price": INVALID}),
    ({"price": True}, {"price": INVALID}),
    ({"price": None}, {"price": NULL}),
    ({"price": []}, {"price": INVALID}),
    ({"quantity": -1}, {"quantity": NEGATIVE}),
    ({"quantity": 1.5}, {"quantity": NO_INTEGER}),
    ({"quantity": "many"}, {"quantity": NO_INTEGER}),
    ({"quantity": True}, {"quantity": NO_INTEGER}),
    ({"quantity": None}, {"quantity": NULL}),
    (
        {"quantity": 2**31},
        {"quantity": ["Ensure this value is less than or equal to 2147483647."]},
    ),
    ({"name": "x" * 101}, {"name": ["Ensure this field has no more than 100 characters."]}),
    ({"name": ""}, {"name": BLANK}),
    ({"name": None}, {"name": NULL}),
    ({"name": "a\0b"}, {"name": ["Null characters are not allowed."]}),
    ({"name": "a\u202e"}, {"name": ["Text must not contain the character U+202E."]}),
    ({"description": {}}, {"description": ["Not a valid string."]}),
    (
        {"description": "x" * 20_001},
        {"description": ["Ensure this field has no more than 20000 characters."]},
    ),
]


def test_a_description_of_the_maximum_length_is_accepted(keeper: Documented) -> None:
    assert keeper("POST", PRODUCTS, JAM | {"description": "x" * 20_000}).status == 201
