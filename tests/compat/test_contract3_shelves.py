"""Contract 3: staff add products, change them and take them off sale."""

from collections.abc import Callable
from typing import Any

import pytest

from larder.db import database
from tests.compat.conftest import ApiClient, assert_books_balance
from tests.compat.contract3 import FORBIDDEN, UNKNOWN, As, Client
from tests.compat.documented import Documented
from tests.conftest import Person

MakeProduct = Callable[..., int]

LIST = "/api/product/"
TAKEN = {"name": ["product with this name already exists."]}


@pytest.fixture
def client_of(client_of: Callable[[Person], ApiClient]) -> As:
    """A client as a person, held against the document."""
    return lambda who: Documented("3", client_of(who))


@pytest.fixture
def anyone(anyone: ApiClient) -> Client:
    """A client without credentials, held against the document."""
    return Documented("3", anyone)


def test_staff_add_a_product(keeper: Client, shopper: Client) -> None:
    answer = keeper("POST", LIST, {"name": "Jam", "price": 2.6, "stock": 7, "id": 5, "sku": "X"})
    assert answer.status == 201
    made = answer.body["id"]
    assert answer.body == {"id": made, "name": "Jam", "price": "2.600", "stock": 7}
    assert shopper("GET", f"/api/product/{made}").body == answer.body
    assert_books_balance()


def test_a_product_without_price_and_stock_is_free_and_sold_out(keeper: Client) -> None:
    answer = keeper("POST", LIST, {"name": "Jam"})
    assert (answer.status, answer.body["price"], answer.body["stock"]) == (201, "0.000", 0)


@pytest.mark.parametrize(
    ("price", "shown"),
    [
        ("2.200", "2.200"),
        ("0.1", "0.100"),
        (0.1, "0.100"),
        (3, "3.000"),
        (1e2, "100.000"),
        ("9999999.999", "9999999.999"),
        (0, "0.000"),
    ],
)
def test_a_price_is_a_number_or_a_string(price: Any, shown: str, keeper: Client) -> None:
    answer = keeper("POST", LIST, {"name": "Jam", "price": price})
    assert (answer.status, answer.body["price"]) == (201, shown)


@pytest.mark.parametrize(("stock", "shown"), [("12", 12), (12, 12), ("0", 0), (2**31 - 1,) * 2])
def test_stock_is_an_integer_or_its_digits(stock: Any, shown: int, keeper: Client) -> None:
    answer = keeper("POST", LIST, {"name": "Jam", "stock": stock})
    assert (answer.status, answer.body["stock"]) == (201, shown)


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


def test_all_faults_of_a_product_are_reported_together(keeper: Client) -> None:
    answer = keeper("POST", LIST, {"price": -1, "stock": "x"})
    assert answer.body == {
        "name": ["This field is required."],
        "price": ["Ensure this value is greater than or equal to 0."],
        "stock": ["A valid integer is required."],
    }


def test_a_name_has_up_to_200_characters(keeper: Client) -> None:
    assert keeper("POST", LIST, {"name": "n" * 200}).status == 201
    answer = keeper("POST", LIST, {"name": "m" * 201})
    assert answer.body == {"name": ["Ensure this field has no more than 200 characters."]}


def test_two_products_on_sale_cannot_have_one_name(keeper: Client, product: MakeProduct) -> None:
    jam, honey = product(name="Jam"), product(name="Honey")
    for method, path in (
        ("POST", LIST),
        ("PUT", f"/api/product/{honey}"),
        ("PATCH", f"/api/product/{honey}"),
    ):
        for name in ("Jam", " Jam "):
            answer = keeper(method, path, {"name": name, "stock": 99})
            assert (answer.status, answer.body) == (400, TAKEN)
    assert keeper("GET", f"/api/product/{honey}").body["stock"] == 10
    assert keeper("PUT", f"/api/product/{jam}", {"name": "Jam", "stock": 1}).status == 200
    assert keeper("DELETE", f"/api/product/{jam}").status == 204
    assert keeper("POST", LIST, {"name": "Jam"}).status == 201


@pytest.mark.parametrize("end", ["", "/"])
def test_put_keeps_a_missing_price_and_stock(
    end: str, keeper: Client, product: MakeProduct
) -> None:
    path = f"/api/product/{product(stock=3, price='1.5', name='Jam')}{end}"
    for body, changed in (
        ({"name": "Honey"}, {"name": "Honey"}),
        ({"name": "Honey", "price": "2.25"}, {"price": "2.250"}),
        ({"name": "Honey", "stock": "8"}, {"stock": 8}),
        ({"name": "Tea", "price": 0, "stock": 0}, {"name": "Tea", "price": "0.000", "stock": 0}),
    ):
        expected = keeper("GET", path).body | changed
        answer = keeper("PUT", path, body)
        assert (answer.status, answer.body) == (200, expected)
        assert keeper("GET", path).body == expected
    assert keeper("PUT", path, {"stock": 1}).body == {"name": ["This field is required."]}
    assert_books_balance()


def test_patch_changes_only_the_given_fields(keeper: Client, product: MakeProduct) -> None:
    path = f"/api/product/{product(stock=3, price='1.5', name='Jam')}"
    for body, changed in (
        ({}, {}),
        ({"stock": 4}, {"stock": 4}),
        ({"price": "0.125"}, {"price": "0.125"}),
        ({"name": "Honey", "id": 77, "owner": 1}, {"name": "Honey"}),
    ):
        expected = keeper("GET", path).body | changed
        answer = keeper("PATCH", path, body)
        assert (answer.status, answer.body) == (200, expected)
    assert_books_balance()


def test_setting_the_stock_keeps_the_ordered_units(
    keeper: Client, shopper: Client, product: MakeProduct
) -> None:
    jam = product(stock=5)
    shopper("POST", "/api/order/", {"products": [{"id": jam, "quantity": 2}]})
    assert keeper("PATCH", f"/api/product/{jam}", {"stock": 50}).body["stock"] == 50
    shelf = database.rows("SELECT available, committed FROM stock WHERE product_id = %s", [jam])
    assert shelf == [(50, 2)]
    assert_books_balance()


@pytest.mark.parametrize("end", ["", "/"])
def test_a_product_that_was_ordered_can_be_deleted(
    end: str, keeper: Client, shopper: Client, product: MakeProduct
) -> None:
    jam = product(stock=5, name="Jam")
    shopper("POST", "/api/order/", {"products": [{"id": jam, "quantity": 2}]})
    assert keeper("DELETE", f"/api/product/{jam}{end}").status == 204
    (row,) = shopper("GET", "/api/order/").body["results"]
    assert (row["product"], row["name"], row["quantity"]) == (jam, "Jam", 2)
    assert_books_balance()


def test_customers_cannot_write_products(shopper: Client, product: MakeProduct) -> None:
    jam = product(stock=5, name="Jam")
    before = shopper("GET", LIST).body
    for body in ({"name": "Mine", "price": "0.001", "stock": 1}, {}, b"{"):
        for method, path in (
            ("POST", LIST),
            ("PUT", f"/api/product/{jam}"),
            ("PATCH", f"/api/product/{jam}"),
            ("DELETE", f"/api/product/{jam}"),
            ("PUT", "/api/product/999999"),
        ):
            answer = shopper(method, path, body)
            assert (answer.status, answer.body) == (403, FORBIDDEN)
    assert shopper("GET", LIST).body == before


def test_products_are_not_written_without_credentials(anyone: Client, product: MakeProduct) -> None:
    path = f"/api/product/{product()}"
    for method, where in (("POST", LIST), ("PUT", path), ("PATCH", path), ("DELETE", path)):
        answer = anyone(method, where, {"name": "Mine"})
        assert (answer.status, list(answer.body)) == (401, ["detail"])
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_an_unknown_product_is_not_found_with_any_body(
    keeper: Client, product: MakeProduct
) -> None:
    product(name="Jam")
    for body in ({"name": "Jam"}, {"name": "Tea"}, {"name": ""}, {}):
        for method in ("PUT", "PATCH", "DELETE"):
            answer = keeper(method, "/api/product/999999", body)
            assert (answer.status, answer.body) == (404, UNKNOWN)
