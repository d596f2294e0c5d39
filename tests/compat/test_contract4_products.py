"""Contract 4: products, as customers see and staff write them."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from larder.catalog.services.products import archive_product
from larder.compat.contract4.shapes import ProductRow, product_row
from larder.inventory import queries
from larder.inventory.queries import ProductFilter
from tests.compat.conftest import ApiClient
from tests.compat.documented import Documented
from tests.conftest import NOW

MakeProduct = Callable[..., int]
JAM = {"name": "Jam", "price": "11.11", "quantity_in_stock": 10}


@pytest.fixture(name="keeper")
def _keeper(keeper: ApiClient) -> Documented:
    return Documented("4", keeper)


def test_the_fast_rows_equal_those_of_the_documented_serializer(
    product: MakeProduct,
) -> None:
    product(price="2.205", name="Fish & Chips é \U0001f35f"), product(price="0", stock=2**31 - 1)
    found = queries.products(0, ProductFilter(), limit=None)
    found.append(replace(found[0], price=Decimal("999999999.995"), quantity=0))
    assert [product_row(one) for one in found] == [*ProductRow(found, many=True).data]


def test_sold_out_deleted_and_unknown_products_are_not_found(
    shopper: Documented, keeper: Documented, product: MakeProduct
) -> None:
    gone = product()
    archive_product(gone, caller=None, now=NOW)
    for id in (product(stock=0), gone, 999_999, 0, 2**63, 10**30):
        for client in (shopper, keeper):
            reply = client("GET", f"/products/{id}/")
            assert (reply.status, list(reply.body)) == (404, ["detail"])


WITHIN: list[tuple[str, Any]] = [
    ("name", "x" * 1024),
    ("name", "  Jam  "),
    ("price", "0"),
    ("price", "99999.99"),
    ("price", 11.11),
    ("price", 12),
    ("quantity_in_stock", 0),
    ("quantity_in_stock", 2**31 - 1),
]


FAULTS: list[tuple[str, Any, str]] = [
    ("name", "", "This field may not be blank."),
    ("name", "   ", "This field may not be blank."),
    ("name", None, "This field may not be null."),
    ("name", "x" * 1025, "Ensure this field has no more than 1024 characters."),
    ("name", 7, "Not a valid string."),
    ("name", ["Jam"], "Not a valid string."),
    ("name", "J\0am", "Null characters are not allowed."),
    ("price", "-0.01", "Ensure this value is greater than or equal to 0."),
    ("price", "1.234", "Ensure that there are no more than 2 decimal places."),
    ("price", "100000", "Ensure that there are no more than 5 digits before the decimal point."),
    ("price", "123456.78", "Ensure that there are no more than 7 digits in total."),
    ("price", 10**30, "Ensure that there are no more than 7 digits in total."),
    ("price", "cheap", "A valid number is required."),
    ("price", "NaN", "A valid number is required."),
    ("price", "Infinity", "A valid number is required."),
    ("price", True, "A valid number is required."),
    ("price", {}, "A valid number is required."),
    ("price", None, "This field may not be null."),
    ("quantity_in_stock", -1, "Ensure this value is greater than or equal to 0."),
    ("quantity_in_stock", 2**31, "Ensure this value is less than or equal to 2147483647."),
    ("quantity_in_stock", 10**30, "Ensure this value is less than or equal to 2147483647."),
    ("quantity_in_stock", 1.5, "A valid integer is required."),
    ("quantity_in_stock", "many", "A valid integer is required."),
    ("quantity_in_stock", True, "A valid integer is required."),
    ("quantity_in_stock", [], "A valid integer is required."),
    ("quantity_in_stock", None, "This field may not be null."),
]  # fmt: skip


@pytest.mark.parametrize("field", JAM)
def test_values_outside_the_limits_are_refused_by_field_and_change_nothing(
    keeper: Documented, product: MakeProduct, field: str
) -> None:
    tea = product(name="Tea", stock=3)
    before = keeper("GET", "/products/").body
    writes = (("POST", ""), ("PUT", f"{tea}/"), ("PATCH", f"{tea}/"))
    for _, value, sentence in (one for one in FAULTS if one[0] == field):
        for method, path in writes:
            reply = keeper(method, f"/products/{path}", JAM | {field: value})
            assert (reply.status, reply.body) == (400, {field: [sentence]})
    assert keeper("GET", "/products/").body == before
