"""Stock through v1: figures, adjustments, the ledger."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from larder.core.limits import MAX_TEXT_LENGTH
from tests.conftest import Answer, Api
from tests.v1.reading import figures, walk

Product = Callable[..., int]


def adjust(
    staff: Api, *lines: dict[str, Any], reason: str = "correction", **headers: str
) -> Answer:
    return staff("POST", "stock/adjustments", {"reason": reason, "lines": lines}, **headers)


def order(api: Api, product: int, quantity: int) -> None:
    lines = [{"product": product, "quantity": quantity}]
    assert api("POST", "orders", {"lines": lines}).status == 201


def test_stock_figures_are_returned_for_listed_products(customer: Api, product: Product) -> None:
    tea, jam = product(stock=3), product(stock=0)
    answer = customer("GET", f"stock?products={jam},{tea},999999,{jam}")
    assert answer.body == {
        "results": [{"product": tea, "quantity": 3}, {"product": jam, "quantity": 0}]
    }
    assert customer("GET", f"stock?products={jam}", If_None_Match="*").status == 304


@pytest.mark.parametrize(
    "asked", ["", "?products=", "?products=a", "?products=" + "1," * 200 + "1"]
)
def test_stock_figures_need_one_to_two_hundred_ids(customer: Api, asked: str) -> None:
    refused = customer("GET", f"stock{asked}")
    assert refused.status == 400
    assert [fault["pointer"] for fault in refused.body["errors"]] == ["products"]


def test_an_adjustment_returns_its_changes(staff: Api, product: Product) -> None:
    tea, jam = product(stock=3), product(stock=4, sku="JAM")
    answer = adjust(staff, {"product": tea, "delta": 10}, {"sku": "JAM", "delta": -4})
    assert answer.status == 201
    assert (answer.body["reason"], answer.body["at"][-1]) == ("correction", "Z")
    assert answer.body["actor"] == staff("GET", "me").body["public_id"]
    assert answer.body["lines"] == [
        {"product": tea, "delta": 10, "balance": 13},
        {"product": jam, "delta": -4, "balance": 0},
    ]
    entry = staff("GET", f"products/{tea}/ledger").body["results"][0]
    assert (entry["cause"], entry["reference"]) == ("correction", answer.body["id"])
    assert UUID(answer.body["id"]).version == 7


def test_a_count_includes_committed_units(staff: Api, customer: Api, product: Product) -> None:
    jam = product(stock=10)
    order(customer, jam, 4)
    answer = adjust(staff, {"product": jam, "counted": 9}, reason="counted")
    assert answer.body["lines"] == [{"product": jam, "delta": -1, "balance": 5}]
    assert figures(customer, jam) == {jam: 5}


def test_a_count_equal_to_the_stock_changes_nothing(staff: Api, product: Product) -> None:
    jam = product(stock=10)
    answer = adjust(staff, {"product": jam, "counted": 10})
    assert (answer.status, answer.body["lines"]) == (201, [])
    assert len(staff("GET", f"products/{jam}/ledger").body["results"]) == 1


def test_a_count_below_the_committed_units_is_refused(
    staff: Api, customer: Api, product: Product
) -> None:
    jam = product(stock=10)
    order(customer, jam, 4)
    refused = adjust(staff, {"product": jam, "counted": 3})
    assert (refused.status, refused.body["code"]) == (409, "count_below_committed")
    assert refused.body["lines"] == [
        {"code": "count_below_committed", "product": jam, "counted": 3, "committed": 4}
    ]
    assert adjust(staff, {"product": jam, "counted": 4}).body["lines"][0]["balance"] == 0


def test_an_adjustment_keeps_its_note(staff: Api, product: Product) -> None:
    body = {"reason": "received", "lines": [{"product": product(stock=1), "delta": 1}]}
    noted = staff("POST", "stock/adjustments", {**body, "note": "Delivery 81"})
    assert (noted.status, noted.body["note"]) == (201, "Delivery 81")
    assert staff("POST", "stock/adjustments", body).body["note"] == ""
    long = {**body, "note": "x" * (MAX_TEXT_LENGTH + 1)}
    assert staff("POST", "stock/adjustments", long).body["code"] == "validation_error"
    keyed = {**body, "note": "82"}
    first = staff("POST", "stock/adjustments", keyed, Idempotency_Key="n")
    other = staff("POST", "stock/adjustments", {**body, "note": "83"}, Idempotency_Key="n")
    assert (first.status, other.body["code"]) == (201, "idempotency_key_reused")


def test_every_unknown_product_is_named_by_its_id_or_sku(staff: Api, product: Product) -> None:
    jam = product(stock=4)
    lines: list[dict[str, Any]] = [
        {"sku": "NO-1", "delta": 1},
        {"product": jam, "delta": 1},
        {"product": 999_999, "counted": 1},
        {"sku": "NO-2", "counted": 1},
    ]
    refused = adjust(staff, *lines)
    assert (refused.status, refused.body["code"]) == (422, "unknown_product")
    assert refused.body["lines"] == [
        {"code": "unknown_product", "sku": "NO-1"},
        {"code": "unknown_product", "product": 999_999},
        {"code": "unknown_product", "sku": "NO-2"},
    ]
    only_ids = adjust(staff, {"product": 999_999, "delta": 1}, {"product": 888_888, "delta": 1})
    assert [line["product"] for line in only_ids.body["lines"]] == [999_999, 888_888]
    assert figures(staff, jam) == {jam: 4}


def test_an_unknown_sku_does_not_hide_other_faults(staff: Api, product: Product) -> None:
    jam, tea = product(stock=4, sku="JAM"), product(stock=4)
    lines: list[dict[str, Any]] = [
        {"sku": "NO-1", "delta": 2},
        {"sku": "NO-1", "delta": 1},
        {"sku": "JAM", "delta": -5},
        {"product": tea, "delta": 1},
    ]
    refused = adjust(staff, *lines)
    assert (refused.status, refused.body["code"]) == (422, "unknown_product")
    assert refused.body["lines"] == [
        {"code": "unknown_product", "sku": "NO-1"},
        {"code": "insufficient_stock", "product": jam, "requested": 5, "available": 4},
    ]
    assert figures(staff, jam, tea) == {jam: 4, tea: 4}


def test_a_wrong_reason_does_not_hide_other_faults(staff: Api) -> None:
    refused = adjust(staff, {"counted": 1}, {"product": 7}, reason="order")
    assert {(fault["pointer"], fault["code"]) for fault in refused.body["errors"]} == {
        ("/reason", "unknown_value"),
        ("/lines/0", "one_of"),
        ("/lines/1", "one_of"),
    }


@pytest.mark.parametrize(
    "body", [{"reason": [], "lines": {}}, {"reason": {}, "lines": [[], None, 1]}, {"lines": None}]
)
def test_an_invalid_adjustment_body_is_refused(staff: Api, body: object) -> None:
    assert staff("POST", "stock/adjustments", body).body["code"] == "validation_error"


def test_archived_products_can_still_be_counted(staff: Api, product: Product) -> None:
    jam = product(stock=4, sku="JAM")
    staff("DELETE", f"products/{jam}")
    assert adjust(staff, {"sku": "JAM", "counted": 0}).body["lines"][0]["balance"] == 0


FAULTY: list[tuple[dict[str, Any], str, str]] = [
    ({"delta": 1}, "/lines/0", "one_of"),
    ({"product": 1, "sku": "a", "delta": 1}, "/lines/0", "one_of"),
    ({"product": 1}, "/lines/0", "one_of"),
    ({"product": 1, "delta": 1, "counted": 1}, "/lines/0", "one_of"),
    ({"product": 1, "delta": 2**31}, "/lines/0/delta", "out_of_range"),
    ({"product": 1, "counted": -1}, "/lines/0/counted", "out_of_range"),
    ({"product": 1, "counted": None}, "/lines/0/counted", "wrong_type"),
    ({"sku": "", "counted": 1}, "/lines/0/sku", "too_short"),
    ({"sku": "a\n", "counted": 1}, "/lines/0/sku", "invalid_format"),
]


@pytest.mark.parametrize(("line", "pointer", "code"), FAULTY)
def test_a_line_names_one_product_and_one_kind_of_change(
    staff: Api, line: dict[str, Any], pointer: str, code: str
) -> None:
    refused = adjust(staff, line)
    assert (refused.status, refused.body["code"]) == (400, "validation_error")
    assert [(fault["pointer"], fault["code"]) for fault in refused.body["errors"]] == [
        (pointer, code)
    ]


def test_a_counted_product_can_be_in_one_line_only(staff: Api, product: Product) -> None:
    jam = product(sku="JAM")
    refused = adjust(staff, {"product": jam, "counted": 1}, {"sku": "JAM", "delta": 1})
    assert refused.body["errors"][0] | {"detail": ""} == {
        "pointer": "/lines/1/product",
        "code": "duplicate",
        "detail": "",
    }


@pytest.mark.parametrize(
    "reason", ["opening", "order", "ship", "return", "", "Two words", "x" * 41, "ok\n", "é"]
)
def test_a_reason_is_one_word_that_is_not_reserved(
    staff: Api, product: Product, reason: str
) -> None:
    refused = adjust(staff, {"product": product(), "delta": 1}, reason=reason)
    assert [fault["pointer"] for fault in refused.body["errors"]] == ["/reason"]


def test_a_repeated_adjustment_is_stored_once(staff: Api, product: Product) -> None:
    jam = product(stock=1)
    line = {"product": jam, "delta": 5}
    first, again = (adjust(staff, line, Idempotency_Key="k") for _ in "12")
    other = adjust(staff, line | {"delta": 6}, Idempotency_Key="k")
    assert (again.status, again.body) == (201, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")
    assert figures(staff, jam) == {jam: 6}


def test_a_refused_adjustment_releases_its_key(staff: Api, product: Product) -> None:
    jam = product(stock=1)
    assert adjust(staff, {"product": jam, "delta": -5}, Idempotency_Key="k").status == 409
    assert adjust(staff, {"product": jam, "delta": -1}, Idempotency_Key="k").status == 201


def test_a_ledger_entry_of_an_order_names_the_order_and_event(
    staff: Api, customer: Api, product: Product
) -> None:
    jam, tea = product(stock=10), product(stock=10)
    lines = [{"product": id, "quantity": 4} for id in (jam, tea)]
    path = customer("POST", "orders", {"lines": lines}).headers["Location"]
    adjusted = adjust(staff, {"product": jam, "delta": 2}, reason="received")
    customer("PATCH", path, {"lines": [{"product": jam, "quantity": 3}]})
    picked = {"lines": [{"product": jam, "quantity": 2}]}
    for move, body in (("pack", picked), ("ship", None)):
        assert staff("POST", f"{path}/{move}", body).status == 200
    back = {"lines": [{"product": jam, "quantity": 1}], "reason": "Broken."}
    staff("POST", f"{path}/return", back)
    order(customer, jam, 1)
    answers = {
        event["id"]: event["type"] for event in customer("GET", f"{path}/events").body["results"]
    }
    entries = staff("GET", f"products/{jam}/ledger").body["results"][::-1]
    of_it = [entry for entry in entries if f"/api/v1/orders/{entry['order']}" == path]
    assert [(entry["cause"], answers[entry["reference"]]) for entry in of_it] == [
        *(("order", "placed"), ("change", "changed"), ("missing", "packed")),
        *(("ship", "shipped"), ("return", "returned")),
    ]
    others = [(entry["cause"], entry["reference"]) for entry in entries if entry["order"] is None]
    assert others == [("opening", str(jam)), ("received", adjusted.body["id"])]
    assert len(entries) == len(of_it) + len(others) + 1


def test_the_ledger_lists_every_movement_in_pages_newest_first(
    staff: Api, customer: Api, product: Product
) -> None:
    jam = product(stock=10)
    order(customer, jam, 4)
    adjust(staff, {"product": jam, "delta": 2}, reason="received")
    entries = walk(staff, f"products/{jam}/ledger?limit=1")
    assert [
        (e["cause"], e["delta"], e["committed_delta"], e["balance"], e["committed_balance"])
        for e in entries
    ] == [("received", 2, 0, 8, 4), ("order", -4, 4, 6, 4), ("opening", 10, 0, 10, 0)]
    names = {"delta", "committed_delta", "balance", "committed_balance"}
    assert entries[0].keys() == names | {"cause", "reference", "order", "actor", "at"}
    assert entries == staff("GET", f"products/{jam}/ledger").body["results"]


def test_the_ledger_of_an_unknown_product_is_not_found(staff: Api) -> None:
    assert staff("GET", "products/999999/ledger").body["code"] == "not_found"


def test_an_adjustment_names_every_faulty_line_with_its_own_code(
    staff: Api, product: Product
) -> None:
    short, full, promised = product(stock=5), product(stock=5), product(stock=5)
    order(staff, promised, 3)
    answer = adjust(
        staff,
        {"product": short, "delta": -6},
        {"product": full, "delta": 2**31 - 1},
        {"product": promised, "counted": 2},
        {"product": 999_999, "delta": 1},
    )
    assert (answer.status, answer.body["code"]) == (422, "unknown_product")
    answers = {line["product"]: line["code"] for line in answer.body["lines"]}
    assert answers == {
        short: "insufficient_stock",
        full: "stock_limit_exceeded",
        promised: "count_below_committed",
        999_999: "unknown_product",
    }
    assert figures(staff, short, full, promised) == {short: 5, full: 5, promised: 2}
