"""Contract 4: products, as customers see and staff write them."""

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from larder.catalog.services.products import archive_product, change_product
from larder.compat.contract4.shapes import ProductRow, product_row
from larder.inventory import queries
from larder.inventory.queries import ProductFilter
from tests.compat.conftest import ApiClient, assert_books_balance
from tests.compat.documented import Documented
from tests.conftest import NOW

MakeProduct = Callable[..., int]
JAM = {"name": "Jam", "price": "11.11", "quantity_in_stock": 10}


@pytest.fixture(name="keeper")
def _keeper(keeper: ApiClient) -> Documented:
    return Documented("4", keeper)


def test_the_list_is_an_array_of_products_in_stock_by_ascending_id(
    shopper: Documented, product: MakeProduct
) -> None:
    tea, _, jam = product(stock=3, name="Tea"), product(stock=0), product(stock=1, name="Jam")
    gone = product()
    archive_product(gone, caller=None, now=NOW)
    reply = shopper("GET", "/products/")
    assert reply.status == 200
    assert reply.body == [
        {"id": tea, "name": "Tea", "price": "1.50", "quantity_in_stock": 3},
        {"id": jam, "name": "Jam", "price": "1.50", "quantity_in_stock": 1},
    ]


def test_the_list_is_not_paged(shopper: Documented, product: MakeProduct) -> None:
    made = [product() for _ in range(25)]
    reply = shopper("GET", "/products/?limit=5&offset=3&page=2")
    assert [one["id"] for one in reply.body] == made


def test_the_list_is_empty_without_products(shopper: Documented) -> None:
    assert shopper("GET", "/products/").body == []


@pytest.mark.parametrize(
    ("price", "shown"),
    [("0", "0.00"), ("2.2", "2.20"), ("2.205", "2.21"), ("2.204", "2.20"), ("0.005", "0.01"),
     ("123456789.995", "123456790.00")],
)  # fmt: skip
def test_prices_are_strings_with_two_decimals_rounded_half_up(
    shopper: Documented, product: MakeProduct, price: str, shown: str
) -> None:
    made = product(price=price)
    assert shopper("GET", f"/products/{made}/").body["price"] == shown
    assert shopper("GET", "/products/").body[0]["price"] == shown


def test_the_fast_rows_equal_those_of_the_documented_serializer(
    product: MakeProduct,
) -> None:
    product(price="2.205", name="Fish & Chips é \U0001f35f"), product(price="0", stock=2**31 - 1)
    found = queries.products(0, ProductFilter(), limit=None)
    found.append(replace(found[0], price=Decimal("999999999.995"), quantity=0))
    assert [product_row(one) for one in found] == [*ProductRow(found, many=True).data]


def test_a_product_in_stock_is_shown(shopper: Documented, product: MakeProduct) -> None:
    jam = product(stock=4, price="11.11", name="Jam")
    reply = shopper("GET", f"/products/{jam}/")
    assert reply.status == 200
    assert reply.body == {"id": jam, "name": "Jam", "price": "11.11", "quantity_in_stock": 4}


def test_sold_out_deleted_and_unknown_products_are_not_found(
    shopper: Documented, keeper: Documented, product: MakeProduct
) -> None:
    gone = product()
    archive_product(gone, caller=None, now=NOW)
    for id in (product(stock=0), gone, 999_999, 0, 2**63, 10**30):
        for client in (shopper, keeper):
            reply = client("GET", f"/products/{id}/")
            assert (reply.status, list(reply.body)) == (404, ["detail"])


def test_a_product_added_by_staff_is_listed_at_once(
    keeper: Documented, shopper: Documented
) -> None:
    reply = keeper("POST", "/products/", JAM)
    assert reply.status == 201
    assert reply.body == {"id": reply.body["id"], **JAM}
    assert shopper("GET", "/products/").body == [reply.body]
    assert_books_balance()


def test_names_need_not_be_unique_and_read_only_fields_are_ignored(keeper: Documented) -> None:
    first = keeper("POST", "/products/", {**JAM, "id": 7, "sku": 3, "owner": None})
    second = keeper("POST", "/products/", JAM)
    assert (first.status, second.status) == (201, 201)
    assert first.body["id"] != second.body["id"]


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


def test_values_within_the_limits_are_accepted(keeper: Documented) -> None:
    for field, value in WITHIN:
        given = JAM | {field: value}
        reply = keeper("POST", "/products/", given)
        assert reply.status == 201, given
        assert reply.body["name"] == str(given["name"]).strip()
        assert reply.body["price"] == f"{Decimal(str(given['price'])):.2f}"
        assert reply.body["quantity_in_stock"] == given["quantity_in_stock"]


EMOJI = "".join(Random(4).choices([chr(0x1F300 + i) for i in range(700)], k=1024))  # noqa: S311
"""Four bytes each, and nothing that could be compressed."""

FAULTS: list[tuple[str, Any, str]] = [
    ("name", "", "This field may not be blank."),
    ("name", "   ", "This field may not be blank."),
    ("name", None, "This field may not be null."),
    ("name", "x" * 1025, "Ensure this field has no more than 1024 characters."),
    ("name", 7, "Not a valid string."),
    ("name", ["Jam"], "Not a valid string."),
    ("name", "J\0am", "Null characters are not allowed."),
    ("name", EMOJI, "Too long in bytes: 650 characters always fit, 1,024 if most are Latin."),
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


def test_all_three_fields_are_needed_to_add_and_to_replace(
    keeper: Documented, product: MakeProduct
) -> None:
    required = {name: ["This field is required."] for name in JAM}
    assert keeper("POST", "/products/", {}).body == required
    reply = keeper("PUT", f"/products/{product()}/", {"name": "Jam"})
    del required["name"]
    assert (reply.status, reply.body) == (400, required)


def test_staff_replace_a_product(keeper: Documented, product: MakeProduct) -> None:
    tea = product(name="Tea", stock=3)
    reply = keeper("PUT", f"/products/{tea}/", JAM)
    assert (reply.status, reply.body) == (200, {"id": tea, **JAM})
    assert keeper("GET", f"/products/{tea}/").body == reply.body
    assert_books_balance()


@pytest.mark.parametrize("given", [{}, *({name: value} for name, value in JAM.items())])
def test_staff_change_only_the_given_fields(
    keeper: Documented, product: MakeProduct, given: dict[str, Any]
) -> None:
    tea = product(name="Tea", stock=3)
    before = keeper("GET", f"/products/{tea}/").body
    reply = keeper("PATCH", f"/products/{tea}/", given)
    assert (reply.status, reply.body) == (200, before | given)
    assert keeper("GET", f"/products/{tea}/").body == reply.body


def test_a_third_decimal_is_kept_if_the_price_is_not_given(
    keeper: Documented, product: MakeProduct
) -> None:
    tea = product(price="2.205")
    keeper("PATCH", f"/products/{tea}/", {"name": "Tea"})
    assert queries.product(0, tea).price == Decimal("2.205")


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_staff_restock_a_sold_out_product(
    keeper: Documented, product: MakeProduct, method: str
) -> None:
    tea = product(stock=0)
    assert keeper(method, f"/products/{tea}/", JAM).status == 200
    assert keeper("GET", f"/products/{tea}/").body["quantity_in_stock"] == 10
    assert keeper(method, f"/products/{tea}/", JAM | {"quantity_in_stock": 0}).status == 200
    assert keeper("GET", f"/products/{tea}/").status == 404


def test_units_in_open_orders_do_not_limit_the_stock_that_staff_set(
    keeper: Documented, product: MakeProduct
) -> None:
    tea = product(stock=2**31 - 1)
    order = keeper("POST", f"/products/{tea}/add_to_order/").body["order_id"]
    keeper("POST", f"/orders/{order}/submit/")
    assert keeper("GET", f"/products/{tea}/").body["quantity_in_stock"] == 2**31 - 2
    reply = keeper("PATCH", f"/products/{tea}/", {"quantity_in_stock": 2**31 - 1})
    # The unit that is ordered is on the shelf as well.
    assert (reply.status, list(reply.body)) == (409, ["detail"])
    reply = keeper("PATCH", f"/products/{tea}/", {"quantity_in_stock": 5})
    assert (reply.status, reply.body["quantity_in_stock"]) == (200, 5)
    assert_books_balance()


def test_staff_delete_products_in_stock_and_sold_out(
    keeper: Documented, product: MakeProduct
) -> None:
    for id in (product(), product(stock=0)):
        reply = keeper("DELETE", f"/products/{id}/")
        assert (reply.status, reply.body) == (204, b"")
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            assert keeper(method, f"/products/{id}/", JAM).status == 404
    assert keeper("GET", "/products/").body == []


def test_writing_an_unknown_product_is_404_with_any_body(keeper: Documented) -> None:
    for method in ("PUT", "PATCH", "DELETE"):
        for id in (999_999, 2**63 - 1, 10**30):
            for body in (JAM, {}, {"price": "x"}):
                reply = keeper(method, f"/products/{id}/", body)
                assert (reply.status, list(reply.body)) == (404, ["detail"])


def test_customers_cannot_write_products(shopper: Documented, product: MakeProduct) -> None:
    tea = product(name="Tea")
    before = shopper("GET", "/products/").body
    for method, path in (
        ("POST", "/products/"),
        ("PUT", f"/products/{tea}/"),
        ("PATCH", f"/products/{tea}/"),
        ("DELETE", f"/products/{tea}/"),
        ("PUT", "/products/999999/"),
    ):
        for body in (JAM, b"{", {"is_staff": True}):
            reply = shopper(method, path, body)
            assert (reply.status, list(reply.body)) == (403, ["detail"])
    assert shopper("GET", "/products/").body == before


def test_other_methods_are_not_allowed(keeper: Documented) -> None:
    others = {
        "/products/": ("PUT", "PATCH", "DELETE"),
        "/products/1/": ("POST",),
        "/products/1/add_to_order/": ("GET", "PUT", "DELETE"),
        "/products/1/remove_from_order/": ("GET", "PATCH", "DELETE"),
    }
    for path, methods in others.items():
        for method in methods:
            reply = keeper(method, path)
            assert (reply.status, list(reply.body)) == (405, ["detail"])
            assert reply.headers["allow"]


def test_a_change_through_another_api_version_is_shown_at_once(
    shopper: Documented, product: MakeProduct
) -> None:
    tea = product(name="Tea")
    change_product(tea, {"name": "Coffee", "price": Decimal(3)}, caller=None, now=NOW)
    shown = shopper("GET", f"/products/{tea}/").body
    assert (shown["name"], shown["price"]) == ("Coffee", "3.00")
