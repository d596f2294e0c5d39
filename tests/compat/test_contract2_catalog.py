"""Contract 2: products read by all clients, written and shipped by staff."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from larder.catalog.models import Product
from larder.core.limits import MAX_ID
from larder.inventory.models import LedgerEntry, Stock
from tests.compat.conftest import ApiClient, assert_books_balance
from tests.compat.documented import Documented
from tests.server import Server

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


def test_a_product_is_shown_with_all_fields(
    shopper: Documented, product: MakeProduct, running: Server
) -> None:
    jam = product(name="Jam", description="Red", price="100", stock=7)
    reply = shopper("GET", at(jam))
    assert (reply.status, reply.body) == (
        200,
        {
            "id": jam,
            "name": "Jam",
            "description": "Red",
            "price": "100.00",
            "quantity": 7,
            "url": f"http://127.0.0.1:{running.port}{at(jam)}",
            "public_id": str(Product.objects.get().public_id),
        },
    )


@pytest.mark.parametrize(
    ("stored", "shown"), [("1.004", "1.00"), ("1.005", "1.01"), ("0.015", "0.02"), ("0", "0.00")]
)
def test_prices_are_rounded_half_up(
    stored: str, shown: str, shopper: Documented, product: MakeProduct
) -> None:
    assert shopper("GET", at(product(price=stored))).body["price"] == shown


def test_products_are_listed_by_id_in_pages_of_ten(
    shopper: Documented, product: MakeProduct, running: Server
) -> None:
    ids = [product(stock=0) for _ in range(12)]
    here = f"http://127.0.0.1:{running.port}{PRODUCTS}"
    first = shopper("GET", PRODUCTS).body
    assert (first["count"], first["previous"]) == (12, None)
    assert first["next"] == f"{here}?limit=10&offset=10"
    assert [one["id"] for one in first["results"]] == ids[:10]
    last = shopper("GET", f"{PRODUCTS}?limit=5&offset=10").body
    assert (last["next"], last["previous"]) == (None, f"{here}?limit=5&offset=5")
    assert [one["id"] for one in last["results"]] == ids[10:]


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=x", "offset=-1", "offset=x"])
def test_an_invalid_page_parameter_gives_the_first_page(
    query: str, shopper: Documented, product: MakeProduct
) -> None:
    ids = [product() for _ in range(11)]
    reply = shopper("GET", f"{PRODUCTS}?{query}")
    assert [one["id"] for one in reply.body["results"]] == ids[:10]


@pytest.mark.parametrize("offset", [2, 10**30])
def test_an_offset_after_the_last_product_gives_an_empty_page(
    offset: int, shopper: Documented, product: MakeProduct
) -> None:
    product()
    body = shopper("GET", f"{PRODUCTS}?offset={offset}").body
    assert (body["count"], body["results"], body["next"]) == (1, [], None)


def test_a_list_has_the_products_of_a_category_and_of_those_below_it(
    shopper: Documented, keeper: Documented, product: MakeProduct, running: Server
) -> None:
    sweets = keeper("POST", "/api/v1/categories", {"name": "Sweets"}).body["id"]
    fruit = keeper("POST", "/api/v1/categories", {"name": "Fruit", "parent": sweets}).body["id"]
    jam, fudge, tea = product(), product(), product()
    for one, category in ((jam, fruit), (fudge, sweets)):
        answer = keeper("PATCH", f"/api/v1/products/{one}", {"category": category})
        assert answer.status == 200

    def listed(query: str) -> list[int]:
        return [one["id"] for one in shopper("GET", f"{PRODUCTS}?{query}").body["results"]]

    assert listed(f"category={sweets}") == [jam, fudge]
    assert listed(f"category={fruit}") == [jam]
    assert listed("category=") == [jam, fudge, tea]
    assert listed(f"category={MAX_ID}") == []
    first = shopper("GET", f"{PRODUCTS}?category={sweets}&limit=1").body
    here = f"http://127.0.0.1:{running.port}{PRODUCTS}"
    assert first["count"] == 2
    assert first["next"] == f"{here}?category={sweets}&limit=1&offset=1"


@pytest.mark.parametrize("text", ["x", "1.5", "0", "-1", str(MAX_ID + 1), "1" * 2_000, "%00"])
def test_a_category_that_is_no_number_is_refused(text: str, shopper: Documented) -> None:
    reply = shopper("GET", f"{PRODUCTS}?category={text}")
    assert (reply.status, list(reply.body)) == (400, ["category"])


def test_staff_add_products_with_their_stock(keeper: Documented) -> None:
    reply = keeper("POST", PRODUCTS, JAM)
    assert reply.status == 201
    assert {name: reply.body[name] for name in JAM} == JAM
    assert reply.headers["location"] == reply.body["url"]
    assert keeper("GET", at(reply.body["id"])).body == reply.body
    assert available(reply.body["id"]) == 7
    assert LedgerEntry.objects.get().cause == "opening"
    assert_books_balance()


def test_a_product_added_without_a_quantity_has_no_stock(keeper: Documented) -> None:
    reply = keeper("POST", PRODUCTS, {"name": "Jam", "description": "", "price": 2})
    assert (reply.status, reply.body["quantity"], reply.body["price"]) == (201, 0, "2.00")


def test_names_need_not_be_unique(keeper: Documented) -> None:
    assert [keeper("POST", PRODUCTS, JAM).status for _ in range(2)] == [201, 201]


def test_fields_that_only_the_server_sets_are_ignored(keeper: Documented) -> None:
    more = {"id": 900, "public_id": "x", "url": "x", "sku": "x", "unknown": [1]}
    reply = keeper("POST", PRODUCTS, JAM | more)
    assert reply.status == 201
    assert reply.body["id"] != 900


@pytest.mark.parametrize(
    "price", ["12.5", 12.5, "12.50", "0", 0, "99999999.99", 99999999, "00000012.5"]
)
def test_prices_may_be_text_or_numbers(price: Any, keeper: Documented) -> None:
    reply = keeper("POST", PRODUCTS, JAM | {"price": price})
    assert reply.status == 201
    assert Decimal(reply.body["price"]) == Decimal(str(price))


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


@pytest.mark.parametrize(("changed", "faults"), FAULTS)
def test_a_faulty_product_is_refused(
    changed: dict[str, Any], faults: dict[str, list[str]], keeper: Documented, product: MakeProduct
) -> None:
    reply = keeper("POST", PRODUCTS, JAM | changed)
    assert (reply.status, reply.body) == (400, faults)
    jam = product(stock=3)
    before = keeper("GET", at(jam)).body
    assert keeper("PUT", at(jam), JAM | changed).body == faults
    assert keeper("PATCH", at(jam), changed).body == faults
    assert keeper("GET", at(jam)).body == before


def test_all_missing_fields_are_named(keeper: Documented, product: MakeProduct) -> None:
    missing = {"name": REQUIRED, "description": REQUIRED, "price": REQUIRED}
    assert keeper("POST", PRODUCTS, {}).body == missing
    assert keeper("PUT", at(product()), {}).body == missing
    assert Product.objects.count() == 1


def test_a_name_of_the_maximum_length_in_four_byte_letters_is_accepted(keeper: Documented) -> None:
    assert keeper("POST", PRODUCTS, JAM | {"name": "🫙" * 100}).status == 201


def test_a_description_of_the_maximum_length_is_accepted(keeper: Documented) -> None:
    assert keeper("POST", PRODUCTS, JAM | {"description": "x" * 20_000}).status == 201


def test_put_replaces_all_fields_and_the_stock(keeper: Documented, product: MakeProduct) -> None:
    jam = product(stock=3)
    reply = keeper("PUT", at(jam), JAM)
    assert reply.status == 200
    assert {name: reply.body[name] for name in JAM} == JAM
    assert keeper("GET", at(jam)).body == reply.body
    entry = LedgerEntry.objects.get(cause="correction")
    assert (entry.available_change, available(jam)) == (4, 7)
    assert_books_balance()


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_put_without_a_quantity_keeps_the_stock(
    method: str, keeper: Documented, product: MakeProduct
) -> None:
    jam = product(stock=3)
    body = {name: value for name, value in JAM.items() if name != "quantity"}
    reply = keeper(method, at(jam), body)
    assert (reply.status, reply.body["quantity"], available(jam)) == (200, 3, 3)
    assert LedgerEntry.objects.count() == 1


def test_patch_changes_one_field(keeper: Documented, product: MakeProduct) -> None:
    jam = product(stock=3, name="Old", price="2.00")
    before = keeper("GET", at(jam)).body
    assert keeper("PATCH", at(jam), {"price": "2.50"}).body == before | {"price": "2.50"}
    assert keeper("PATCH", at(jam), {"quantity": 0}).body == before | {
        "price": "2.50",
        "quantity": 0,
    }
    assert keeper("PATCH", at(jam), {}).status == 200


def test_a_product_can_be_written_back_as_it_was_read(
    keeper: Documented, product: MakeProduct
) -> None:
    jam = product(description="")
    before = keeper("GET", at(jam)).body
    reply = keeper("PUT", at(jam), before)
    assert (reply.status, reply.body) == (200, before)


def test_a_deleted_product_is_not_found(keeper: Documented, product: MakeProduct) -> None:
    jam = product()
    reply = keeper("DELETE", at(jam))
    assert (reply.status, reply.body) == (204, b"")
    for method, body in [("GET", None), ("DELETE", None), ("PUT", JAM), ("PATCH", {})]:
        assert keeper(method, at(jam), body).status == 404
    assert keeper("POST", f"{at(jam)}ship/", {"quantity": 1}).status == 404
    assert keeper("GET", PRODUCTS).body["count"] == 0


@pytest.mark.parametrize("unknown", [0, 987654321, 2**63, 10**30])
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_an_unknown_product_is_404(method: str, unknown: int, keeper: Documented) -> None:
    reply = keeper(method, at(unknown), {} if method in {"PUT", "PATCH"} else None)
    assert (reply.status, list(reply.body)) == (404, ["detail"])


@pytest.mark.parametrize("body", [JAM, {}])
def test_customers_cannot_write_products(
    body: dict[str, Any], shopper: Documented, product: MakeProduct
) -> None:
    jam = product(stock=3)
    before = shopper("GET", at(jam)).body
    for method, path in [
        ("POST", PRODUCTS),
        ("PUT", at(jam)),
        ("PATCH", at(jam)),
        ("DELETE", at(jam)),
        ("POST", f"{at(jam)}ship/"),
        ("PUT", at(987654321)),
    ]:
        reply = shopper(method, path, None if method == "DELETE" else body)
        assert (reply.status, list(reply.body)) == (403, ["detail"])
    assert shopper("GET", at(jam)).body == before
    assert Product.objects.count() == 1


def test_shipping_takes_units_from_stock_without_an_order(
    keeper: Documented, product: MakeProduct
) -> None:
    jam = product(stock=3)
    reply = keeper("POST", f"{at(jam)}ship/", {"quantity": 2})
    assert (reply.status, reply.body) == (200, {"status": "Product was shipped"})
    assert keeper("GET", at(jam)).body["quantity"] == 1
    entry = LedgerEntry.objects.get(cause="dispatched")
    assert (entry.available_change, entry.committed_change) == (-2, 0)
    assert_books_balance()


def test_units_above_the_stock_cannot_be_shipped(keeper: Documented, product: MakeProduct) -> None:
    jam = product(stock=3)
    reply = keeper("POST", f"{at(jam)}ship/", {"quantity": 4})
    assert (reply.status, reply.body) == (400, ["Requested quantity is not available."])
    assert available(jam) == 3
    assert keeper("POST", f"{at(jam)}ship/", {"quantity": 3}).status == 200
    assert available(jam) == 0


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "This field is required."),
        ({"quantity": 0}, "Ensure this value is greater than or equal to 1."),
        ({"quantity": -1}, "Ensure this value is greater than or equal to 1."),
        ({"quantity": 1_000_001}, "Ensure this value is less than or equal to 1000000."),
        ({"quantity": 10**30}, "Ensure this value is less than or equal to 1000000."),
        ({"quantity": "x"}, "A valid integer is required."),
        ({"quantity": 1.5}, "A valid integer is required."),
        ({"quantity": None}, "This field may not be null."),
    ],
)
def test_a_faulty_shipment_is_refused(
    body: dict[str, Any], sentence: str, keeper: Documented, product: MakeProduct
) -> None:
    jam = product(stock=3)
    reply = keeper("POST", f"{at(jam)}ship/", body)
    assert (reply.status, reply.body) == (400, {"quantity": [sentence]})
    assert available(jam) == 3


@pytest.mark.parametrize("body", [{"quantity": 1}, {}])
def test_an_unknown_product_cannot_be_shipped(body: dict[str, int], keeper: Documented) -> None:
    reply = keeper("POST", f"{at(987654321)}ship/", body)
    assert (reply.status, list(reply.body)) == (404, ["detail"])


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_shipping_accepts_only_post(method: str, keeper: Documented, product: MakeProduct) -> None:
    assert keeper(method, f"{at(product())}ship/").status == 405
