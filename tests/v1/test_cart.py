"""The cart through v1: reading and filling it."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from larder.catalog.services.products import archive_product, change_product
from tests.conftest import Answer, Api, Person
from tests.v1.carts import put, refusal, units

Product = Callable[..., int]
LINE = {
    *("product", "sku", "name", "quantity", "unit_price", "line_total", "available", "notices"),
}


def notices(answer: Answer) -> list[list[dict[str, Any]]]:
    return [line["notices"] for line in answer.body["lines"]]


def test_a_customer_without_a_cart_gets_an_empty_one(customer: Api) -> None:
    empty = customer("GET", "cart")
    assert empty.status == 200
    assert empty.body == {
        "id": None,
        "version": 0,
        "lines": [],
        "currency": "GBP",
        "total": "0.00",
    }
    assert customer("GET", "cart", If_None_Match=empty.headers["ETag"]).status == 304


def test_a_cart_has_the_names_and_types_of_the_design(customer: Api, product: Product) -> None:
    tea, jam = product(stock=9, price="2.2", sku="TEA", name="Tea"), product(stock=5, price="3.055")
    answer = put(customer, (tea, 3), (jam, 5))
    assert answer.body.keys() == {"id", "version", "lines", "currency", "total"}
    assert all(line.keys() == LINE for line in answer.body["lines"])
    assert answer.body["lines"][0] == {
        "product": tea,
        "sku": "TEA",
        "name": "Tea",
        "quantity": 3,
        "unit_price": "2.20",
        "line_total": "6.60",
        "available": 9,
        "notices": [],
    }
    assert (answer.body["total"], answer.body["currency"]) == ("21.875", "GBP")
    read = customer("GET", "cart")
    assert (read.body, read.headers["ETag"]) == (answer.body, answer.headers["ETag"])
    assert customer("GET", "cart", If_None_Match=answer.headers["ETag"]).status == 304


def test_one_line_is_set_and_removed(customer: Api, product: Product) -> None:
    tea, jam = product(), product()
    assert units(customer("PUT", f"cart/lines/{tea}", {"quantity": 2})) == [(tea, 2)]
    assert units(customer("PUT", f"cart/lines/{jam}", {"quantity": 1})) == [(tea, 2), (jam, 1)]
    assert units(customer("PUT", f"cart/lines/{tea}", {"quantity": 7})) == [(tea, 7), (jam, 1)]
    assert units(customer("DELETE", f"cart/lines/{tea}")) == [(jam, 1)]
    assert refusal(customer("DELETE", f"cart/lines/{tea}")) == (404, "not_in_cart")


def test_a_line_has_notices_of_changes_since_it_was_added(
    customer: Api, product: Product, now: datetime
) -> None:
    jam, tea, rice, hat = product(price="1.50"), product(stock=4), product(), product(stock=3)
    put(customer, (jam, 2), (tea, 4), (rice, 1), (hat, 5))
    change_product(jam, {"price": Decimal("1.75")}, caller=None, now=now)
    change_product(rice, {"price": Decimal(9)}, caller=None, now=now)
    archive_product(rice, caller=None, now=now)
    cart = customer("GET", "cart")
    assert notices(cart) == [
        [{"code": "price_changed", "from": "1.50", "to": "1.75"}],
        [],
        [{"code": "withdrawn"}],
        [{"code": "insufficient_stock", "available": 3}],
    ]
    assert [line["unit_price"] for line in cart.body["lines"]] == ["1.75", "1.50", "9.00", "1.50"]
    assert cart.body["lines"][2]["available"] == 0
    assert cart.body["total"] == "26.00"


def test_a_notice_compares_the_price_with_that_at_adding_the_line(
    customer: Api, product: Product, now: datetime
) -> None:
    jam = product(price="1.50")
    put(customer, (jam, 2))
    change_product(jam, {"price": Decimal(2)}, caller=None, now=now)
    changed = [{"code": "price_changed", "from": "1.50", "to": "2.00"}]
    assert notices(put(customer, (jam, 3))) == [changed]
    assert notices(customer("PUT", f"cart/lines/{jam}", {"quantity": 1})) == [changed]
    customer("DELETE", f"cart/lines/{jam}")
    assert notices(put(customer, (jam, 3))) == [[]]


RULES = {
    "fewest": ({"min_quantity": 6}, 5, 6),
    "most": ({"max_per_order": 4}, 5, 4),
    "multiples": ({"step": 3}, 5, 6),
    "all of them": ({"min_quantity": 4, "max_per_order": 8, "step": 4}, 9, 8),
}
"""Rules of a product, units that break them, and units that keep them."""


@pytest.mark.parametrize("name", RULES)
def test_a_line_has_a_notice_of_each_rule_that_submitting_would_refuse(
    customer: Api, product: Product, now: datetime, name: str
) -> None:
    rules, breaking, keeping = RULES[name]
    jam, tea = product(stock=99), product(stock=99)
    put(customer, (jam, breaking), (tea, 1))
    change_product(jam, rules, caller=None, now=now)
    (notice,), none = notices(customer("GET", "cart"))
    assert none == []
    refused = customer("POST", "cart/submit")
    assert refusal(refused) == (409, "order_rule")
    (line,) = refused.body["lines"]
    assert notice == {key: line[key] for key in ("code", "min_quantity", "max_per_order", "step")}
    assert (
        notice
        == {"code": "order_rule", "min_quantity": 1, "max_per_order": None, "step": 1} | rules
    )
    assert notices(customer("PUT", f"cart/lines/{jam}", {"quantity": keeping})) == [[], []]
    assert customer("POST", "cart/submit").status == 201


def test_a_line_has_a_notice_for_each_of_its_faults(
    customer: Api, product: Product, now: datetime
) -> None:
    jam = product(price="1.50", stock=1)
    put(customer, (jam, 5))
    change_product(jam, {"price": Decimal(2), "step": 2}, caller=None, now=now)
    codes = ["price_changed", "insufficient_stock", "order_rule"]
    assert [notice["code"] for notice in notices(customer("GET", "cart"))[0]] == codes
    archive_product(jam, caller=None, now=now)
    assert notices(customer("GET", "cart")) == [[{"code": "withdrawn"}]]


@pytest.mark.parametrize("quantity", [0, -1, 1_000_001, 1.5, "1", None])
def test_a_quantity_is_a_whole_number_from_one_to_a_million(
    customer: Api, product: Product, quantity: Any
) -> None:
    jam = product()
    refused = put(customer, (jam, quantity))
    assert refusal(refused) == (400, "validation_error")
    assert [fault["pointer"] for fault in refused.body["errors"]] == ["/lines/0/quantity"]
    refused = customer("PUT", f"cart/lines/{jam}", {"quantity": quantity})
    assert [fault["pointer"] for fault in refused.body["errors"]] == ["/quantity"]


def test_a_full_cart_refuses_another_line(
    customer: Api, product: Product, many_products: list[int]
) -> None:
    put(customer, *((id, 1) for id in many_products))
    refused = customer("PUT", f"cart/lines/{product()}", {"quantity": 1})
    assert refusal(refused) == (409, "cart_full")
    assert (refused.body["limit"], "product" in refused.body) == (1_000, False)


def test_all_faulty_lines_of_a_cart_are_named_together(customer: Api, product: Product) -> None:
    jam, tea, unknown = product(), product(), 999_999
    many = [(jam, 600_000), (tea, 600_000)] * 2
    answer = put(customer, *many)
    assert refusal(answer) == (409, "cart_full")
    assert (answer.body["limit"], answer.body["product"]) == (1_000_000, jam)
    full = [
        {"code": "cart_full", "product": id, "requested": 1_200_000, "limit": 1_000_000}
        for id in (jam, tea)
    ]
    assert answer.body["lines"] == full
    mixed = put(customer, *many, (unknown, 1))
    assert refusal(mixed) == (422, "unknown_product")
    missing = {"code": "unknown_product", "product": unknown, "requested": 1, "available": 0}
    assert mixed.body["lines"] == [missing, *full]
    assert customer("GET", "cart").body["lines"] == []


def test_a_cart_body_may_have_only_lines(customer: Api, product: Product) -> None:
    jam = product()
    assert refusal(customer("PUT", "cart", {})) == (400, "validation_error")
    assert units(customer("PUT", "cart", {"lines": []})) == []
    priced = {"lines": [{"product": jam, "quantity": 1, "expected_price": "1"}]}
    assert refusal(customer("PUT", "cart", priced)) == (400, "unknown_field")
    largest = customer("PUT", f"cart/lines/{2**63}", {"quantity": 1})
    assert refusal(largest) == (404, "not_found")


CHANGES: dict[str, Callable[..., Answer]] = {
    "put": lambda api, jam, **headers: put(api, (jam, 3), **headers),
    "put a line": lambda api, jam, **headers: api(
        "PUT", f"cart/lines/{jam}", {"quantity": 3}, **headers
    ),
    "delete a line": lambda api, jam, **headers: api("DELETE", f"cart/lines/{jam}", **headers),
    "delete": lambda api, _jam, **headers: api("DELETE", "cart", **headers),
    "submit": lambda api, _jam, **headers: api("POST", "cart/submit", **headers),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_of_an_outdated_cart_is_refused(
    customer: Api, product: Product, change: Callable[..., Answer]
) -> None:
    jam, tea = product(), product()
    nothing = customer("GET", "cart").headers["ETag"]
    first = put(customer, (jam, 1), If_Match=nothing).headers["ETag"]
    second = put(customer, (jam, 1), (tea, 1), If_Match=first)
    for stale in (nothing, first, '"2-0"', "2", '"x"'):
        refused = change(customer, jam, If_Match=stale)
        assert refusal(refused) == (412, "precondition_failed")
        assert refused.body["version"] == second.body["version"]
    assert customer("GET", "cart").body == second.body
    tag = second.headers["ETag"]
    assert change(customer, jam, If_Match=f"W/{tag}").status < 300


def test_the_etag_of_a_cart_does_not_match_the_next_cart(customer: Api, product: Product) -> None:
    jam = product()
    first = put(customer, (jam, 1))
    customer("DELETE", "cart")
    again = put(customer, (jam, 1))
    assert again.body["version"] == first.body["version"]
    assert again.body["id"] != first.body["id"]
    assert put(customer, (jam, 2), If_Match=first.headers["ETag"]).status == 412
    # A price that changed makes another tag, and no other version of the cart.
    change_product(
        jam, {"price": Decimal(9)}, caller=None, now=datetime.fromisoformat("2026-01-02T00:00Z")
    )
    assert put(customer, (jam, 2), If_Match=again.headers["ETag"]).status == 200


def test_a_repeated_order_names_the_lines_that_changed(
    customer: Api,
    as_: Callable[[Person], Api],
    person: Callable[..., Person],
    product: Product,
    now: datetime,
) -> None:
    tea, jam = product(stock=9, price="2"), product(stock=5, sku="JAM", name="Jam")
    lines = [{"product": tea, "quantity": 3}, {"product": jam, "quantity": 4}]
    order = customer("POST", "orders", {"lines": lines}).body["id"]
    change_product(tea, {"price": Decimal(3)}, caller=None, now=now)
    answer = customer("POST", f"orders/{order}/reorder")
    assert answer.status == 200
    assert answer.body["cart"] == customer("GET", "cart").body
    assert units(customer("GET", "cart")) == [(tea, 3), (jam, 1)]
    assert [(line["product"], line["notices"]) for line in answer.body["changed"]] == [
        (tea, [{"code": "price_changed", "from": "2.00", "to": "3.00"}]),
        (jam, [{"code": "insufficient_stock", "available": 1}]),
    ]
    assert [line["quantity"] for line in answer.body["changed"]] == [3, 4]
    assert as_(person())("POST", f"orders/{order}/reorder").status == 404
