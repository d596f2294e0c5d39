"""Contract 3: staff add products, change them and take them off sale."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.compat.conftest import assert_books_balance
from tests.compat.contract3 import Client

MakeProduct = Callable[..., int]

LIST = "/api/product/"


WRONG: dict[str, list[Any]] = {
    "name": ["", "  ", None, 5, [], "a" * 201, "a\0b"],
    "price": [
        *("-0.001", -1, "1.2345", 0.1 + 0.2, "10000000", "1e7", 10**30, "9" * 1001),
        *("", "abc", "NaN", "Infinity", "1e999999", None, True, [], {}, "1\0"),
    ],
    "stock": [
        *(-1, "-1", 1.5, 2.0, "2.0", "1_0", " 1", "+1", "1\n", "٣", "", "abc"),
        *(None, True, [], 2**31, "2147483648", 10**30, "9" * 5000),
    ],
}
FAULTS = [(field, value) for field, values in WRONG.items() for value in values]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_faults_are_reported_under_the_name_of_the_field(
    method: str, keeper: Client, product: MakeProduct
) -> None:
    jam = product(stock=3, price="1.5", name="Jam")
    path = LIST if method == "POST" else f"/api/product/{jam}"
    before = keeper("GET", LIST).body
    for field, value in FAULTS:
        answer = keeper(method, path, {"name": "Honey"} | {field: value})
        assert (answer.status, list(answer.body)) == (400, [field]), (field, value)
        assert all(isinstance(sentence, str) for sentence in answer.body[field])
    assert keeper("GET", LIST).body == before
    assert_books_balance()
