"""One product through v1: creating, reading, changing, archiving."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from tests.conftest import Api, Person
from tests.staff.desk import allow

SHAPE = {
    "id": int,
    "public_id": str,
    "sku": str,
    "name": str,
    "description": str,
    "category": type(None),
    "price": str,
    "currency": str,
    "net_price": type(None),
    "quantity": int,
    "unit": str,
    "barcode": str,
    "image_url": str,
    "min_quantity": int,
    "max_per_order": type(None),
    "step": int,
    "tax_rate": type(None),
    "updated_at": str,
    "version": int,
}
JAM = {"sku": "JAM-1", "name": "Raspberry jam", "price": "2.5"}


def test_a_product_has_the_names_and_types_of_the_design(staff: Api) -> None:
    added = staff("POST", "products", JAM | {"quantity": 12})
    assert added.status == 201
    assert {name: type(value) for name, value in added.body.items()}.items() >= SHAPE.items()
    assert (added.body["price"], added.body["currency"], added.body["quantity"]) == (
        "2.50",
        "GBP",
        12,
    )
    assert str(UUID(added.body["public_id"])) == added.body["public_id"]
    assert added.body["updated_at"].endswith("Z")
    assert added.headers["Location"] == f"/api/v1/products/{added.body['id']}"
    read = staff("GET", added.headers["Location"])
    assert (read.body, read.headers["ETag"]) == (added.body, added.headers["ETag"])


def test_a_product_can_be_made_with_every_field(staff: Api) -> None:
    shelf = staff("POST", "categories", {"name": "Jams"}).body["id"]
    rest = {
        "description": "Seedless.",
        "category": shelf,
        "unit": "jar",
        "barcode": "5012345678900",
        "image_url": "https://example.com/jam.png",
        "min_quantity": 6,
        "max_per_order": 60,
        "step": 6,
        "tax_rate": "20.00",
    }
    added = staff("POST", "products", JAM | rest)
    assert added.body.items() >= (rest | {"net_price": "2.083"}).items()


def test_every_answer_about_a_product_has_its_tax_rate_and_net_price(staff: Api) -> None:
    added = staff("POST", "products", JAM | {"price": "12", "tax_rate": "20"}).body
    path, taxed = f"products/{added['id']}", {"price": "12.00", "tax_rate": "20.00"}
    for answer in (
        added,
        staff("GET", path).body,
        *staff("GET", "products").body["results"],
        *staff("GET", "products/changes").body["results"],
    ):
        assert answer.items() >= (taxed | {"net_price": "10.00"}).items()
    changed = staff("PATCH", path, {"tax_rate": "7.5"}).body
    assert (changed["tax_rate"], changed["net_price"]) == ("7.50", "11.163")
    for rate in ("0", None):
        after = staff("PATCH", path, {"tax_rate": rate}).body
        assert after["net_price"] == (rate and after["price"])
    staff("PATCH", path, {"tax_rate": "5"})
    # A program from before the rates does not send one.
    put = staff("PUT", "products/by-sku/JAM-1", {"name": "Jam", "price": "1"}).body
    assert (put["tax_rate"], put["net_price"]) == ("5.00", "0.952")
    whole = {"name": "Jam", "price": "1", "tax_rate": None}
    assert staff("PUT", "products/by-sku/JAM-1", whole).body["net_price"] is None


@pytest.mark.parametrize("rate", ["-1", "100.01", "20.001", "20%", "", 20, 0.2])
def test_what_is_not_a_tax_rate_is_refused(staff: Api, rate: object) -> None:
    refused = staff("POST", "products", JAM | {"tax_rate": rate})
    assert refused.status == 400
    assert [fault["pointer"] for fault in refused.body["errors"]] == ["/tax_rate"]


def test_a_key_is_that_of_a_tax_rate_however_it_is_written(staff: Api) -> None:
    for rate, status in (("20", 201), ("20.00", 201), ("19", 422)):
        sent = JAM | {"tax_rate": rate}
        assert staff("POST", "products", sent, Idempotency_Key="one").status == status


@pytest.mark.parametrize(
    ("price", "shown"),
    [("2", "2.00"), ("2.5", "2.50"), ("2.550", "2.55"), ("2.555", "2.555"), ("0", "0.00")],
)
def test_a_price_has_two_decimals_and_a_third_only_if_not_zero(
    staff: Api, price: str, shown: str
) -> None:
    assert staff("POST", "products", JAM | {"price": price}).body["price"] == shown


def test_the_maximum_price_and_stock_are_stored_and_returned(staff: Api) -> None:
    most = {"price": "999999999.999", "quantity": 2**31 - 1}
    added = staff("POST", "products", JAM | most)
    assert added.body.items() >= most.items()


def test_opening_stock_is_in_the_ledger(staff: Api) -> None:
    added = staff("POST", "products", JAM | {"quantity": 12}).body["id"]
    (entry,) = staff("GET", f"products/{added}/ledger").body["results"]
    assert (entry["cause"], entry["delta"], entry["balance"]) == ("opening", 12, 12)
    assert entry["actor"] == staff("GET", "me").body["public_id"]


def test_null_removes_a_category_and_a_limit(staff: Api, product: Callable[..., int]) -> None:
    shelf = staff("POST", "categories", {"name": "Jams"}).body["id"]
    path = f"products/{product()}"
    staff("PATCH", path, {"category": shelf, "max_per_order": 5})
    cleared = staff("PATCH", path, {"category": None, "max_per_order": None}).body
    assert (cleared["category"], cleared["max_per_order"]) == (None, None)


CLASHES: list[tuple[dict[str, Any], int, str]] = [
    ({"category": 999_999}, 422, "unknown_category"),
    ({"min_quantity": 10, "max_per_order": 9}, 400, "validation_error"),
    ({"quantity": 5}, 400, "unknown_field"),
    ({"sku": None}, 400, "validation_error"),
]


@pytest.mark.parametrize(("change", "status", "code"), CLASHES)
def test_an_invalid_product_change_is_refused(
    staff: Api, product: Callable[..., int], change: dict[str, Any], status: int, code: str
) -> None:
    refused = staff("PATCH", f"products/{product()}", change)
    assert (refused.status, refused.body["code"]) == (status, code)


def test_a_taken_sku_and_an_unknown_category_are_reported_together(
    staff: Api, product: Callable[..., int]
) -> None:
    staff("POST", "products", JAM)
    faulty = {"sku": JAM["sku"], "category": 999_999}
    for request in (("POST", "products", JAM | faulty), ("PATCH", f"products/{product()}", faulty)):
        refused = staff(*request)
        assert (refused.status, refused.body["code"]) == (409, "sku_taken")
        faults = [(fault["pointer"], fault["code"]) for fault in refused.body["errors"]]
        assert faults == [("/sku", "taken"), ("/category", "unknown_category")]


def test_rules_without_a_quantity_are_reported_with_the_other_clashes(
    staff: Api, product: Callable[..., int]
) -> None:
    staff("POST", "products", JAM)
    faulty = {"sku": JAM["sku"], "category": 999_999, "min_quantity": 10, "max_per_order": 9}
    new, former = JAM | faulty, f"products/{product(min_quantity=10)}"
    del faulty["min_quantity"]
    for request in (("POST", "products", new), ("PATCH", former, faulty)):
        refused = staff(*request)
        faults = {(fault["pointer"], fault["code"]) for fault in refused.body["errors"]}
        assert faults == {
            ("/max_per_order", "out_of_range"),
            ("/sku", "taken"),
            ("/category", "unknown_category"),
        }


def test_an_archived_product_cannot_be_read_changed_or_archived(
    staff: Api, customer: Api, product: Callable[..., int]
) -> None:
    jam = product(stock=5)
    path = f"products/{jam}"
    assert staff("DELETE", path).status == 204
    answers = [staff("DELETE", path), staff("GET", path), staff("PATCH", path, {"name": "x"})]
    assert [answer.status for answer in answers] == [404, 404, 404]
    assert customer("GET", f"products?ids={jam}").body["results"] == []
    assert customer("GET", f"stock?products={jam}").body["results"] == []
    refused = customer("POST", "orders", {"lines": [{"product": jam, "quantity": 1}]})
    assert (refused.status, refused.body["code"]) == (422, "unknown_product")
    assert staff("GET", f"{path}/ledger").status == 200


def test_if_match_refuses_a_change_of_an_outdated_version(
    staff: Api, product: Callable[..., int]
) -> None:
    path = f"products/{product()}"
    read = staff("GET", path).headers["ETag"]
    changed = staff("PATCH", path, {"name": "A"}, If_Match=read)
    assert (changed.status, changed.headers["ETag"].split("-")[0]) == (200, '"2')
    stale = staff("PATCH", path, {"name": "B"}, If_Match=read)
    assert (stale.status, stale.body["code"], stale.body["version"]) == (
        412,
        "precondition_failed",
        2,
    )
    assert staff("DELETE", path, If_Match=read).status == 412
    assert staff("GET", path).body["name"] == "A"
    assert staff("PATCH", path, {"name": "C"}, If_Match="*").status == 200
    assert staff("DELETE", path, If_Match='"3-aa"').status == 204


@pytest.mark.parametrize(
    "tag", ["nonsense", '"1"', '""', "1-aa", '"1-aa', '"-aa"', "\xff", '"9' * 90]
)
def test_an_unknown_etag_in_if_match_matches_no_version(
    staff: Api, product: Callable[..., int], tag: str
) -> None:
    path = f"products/{product()}"
    assert staff("PATCH", path, {"name": "B"}, If_Match=tag).status == 412


def test_if_match_compares_the_version_and_not_the_stock(
    staff: Api, customer: Api, product: Callable[..., int]
) -> None:
    jam = product(stock=5)
    read = staff("GET", f"products/{jam}").headers["ETag"]
    customer("POST", "orders", {"lines": [{"product": jam, "quantity": 1}]})
    assert staff("GET", f"products/{jam}").headers["ETag"] != read
    assert staff("PATCH", f"products/{jam}", {"name": "A"}, If_Match=read).status == 200


def test_an_unchanged_product_is_answered_with_304(
    customer: Api, staff: Api, product: Callable[..., int]
) -> None:
    jam = product(stock=5)
    tag = customer("GET", f"products/{jam}").headers["ETag"]
    for known in (tag, f'W/{tag}, "x"', f'"x", {tag}', "*"):
        assert customer("GET", f"products/{jam}", If_None_Match=known).status == 304
    stocked = {"reason": "received", "lines": [{"product": jam, "delta": 1}]}
    staff("POST", "stock/adjustments", stocked)
    assert customer("GET", f"products/{jam}", If_None_Match=tag).body["quantity"] == 6


PLACED = {"shelf_place": "A-12-3", "low_stock_threshold": 5}


def test_only_staff_see_the_place_and_the_threshold(
    staff: Api, customer: Api, person: Callable[..., Person], as_: Callable[[Person], Api]
) -> None:
    added = staff("POST", "products", JAM | PLACED).body
    path = f"products/{added['id']}"
    assert added.items() >= PLACED.items()
    assert staff("GET", path).body == added
    changed = staff("PATCH", path, {"low_stock_threshold": None})
    assert changed.body["low_stock_threshold"] is None
    without = as_(allow(person(is_staff=True), "catalog.view_category"))
    for who, asked in ((customer, path), (without, path)):
        assert not PLACED.keys() & who("GET", asked).body.keys()
    for who in (customer, staff):
        for page in ("products", "products/changes"):
            (listed,) = who("GET", page).body["results"]
            assert not PLACED.keys() & listed.keys()


def test_a_product_that_is_replaced_keeps_its_place_unless_another_is_given(staff: Api) -> None:
    path = f"products/{staff('POST', 'products', JAM | PLACED).body['id']}"
    body = {"name": "Jam", "price": "1"}
    assert staff("PUT", "products/by-sku/JAM-1", body).body.items() >= PLACED.items()
    moved = body | {"shelf_place": "", "low_stock_threshold": 0}
    assert staff("PUT", "products/by-sku/JAM-1", moved).body.items() >= moved.items() - {
        ("price", "1")
    }
    assert staff("GET", path).body["low_stock_threshold"] == 0
    for value in (-1, 2**31, "5"):
        assert staff("PATCH", path, {"low_stock_threshold": value}).status == 400
