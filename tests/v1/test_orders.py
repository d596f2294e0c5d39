"""Placing through v1: the order object and the refusals."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.conftest import Answer, Api, Person
from tests.v1.placing import faulty, place
from tests.v1.reading import figures

Product = Callable[..., int]
HEAD = {
    *("id", "number", "customer", "status", "currency", "total", "note"),
    *("placed_at", "expires_at", "payment", "updated_at", "version", "amount_due"),
}
LINE = {"product", "sku", "name", "ordered", "quantity", "unit_price", "line_total", "returned"}
LINE |= {"tax_rate", "net_total"}


def test_an_order_has_the_names_and_types_of_the_design(customer: Api, product: Product) -> None:
    tea, jam = product(stock=9, price="2.2", sku="TEA", name="Tea"), product(stock=5, price="3.055")
    placed = place(customer, (tea, 3), (jam, 5), note="Ring twice.", reference="PO 7")
    assert placed.status == 201
    order = placed.body
    details = {"reference", "ship_to", "requested_for", "carrier", "tracking_number", "lines"}
    assert order.keys() == HEAD | details | {"net_total", "tax_total"}
    assert all(line.keys() == LINE for line in order["lines"])
    assert order["lines"][0] == {
        "product": tea,
        "sku": "TEA",
        "name": "Tea",
        "ordered": 3,
        "quantity": 3,
        "unit_price": "2.20",
        "line_total": "6.60",
        "returned": 0,
        "tax_rate": None,
        "net_total": None,
    }
    assert order["lines"][1]["line_total"] == "15.275"
    assert (order["total"], order["currency"], order["status"]) == ("21.875", "GBP", "placed")
    assert (order["note"], order["reference"], order["version"]) == ("Ring twice.", "PO 7", 1)
    assert isinstance(order["number"], int)
    assert UUID(order["id"]).version == 7
    assert datetime.fromisoformat(order["placed_at"]).utcoffset() is not None
    assert order["placed_at"].endswith("Z")
    assert placed.headers["Location"] == f"/api/v1/orders/{order['id']}"


def test_the_address_and_day_of_an_order_are_stored_as_sent(
    customer: Api, product: Product
) -> None:
    address = {"name": "Ada", "line1": "12 St James's Sq", "city": "London", "country": "GB"}
    placed = place(customer, (product(), 1), ship_to=address, requested_for="2026-12-24")
    assert placed.body["ship_to"].items() >= address.items()
    assert placed.body["requested_for"] == "2026-12-24"


def test_lines_of_one_product_are_summed(customer: Api, product: Product) -> None:
    tea, jam = product(stock=20, price="1.1"), product()
    refused = place(customer, (tea, 12), (jam, 1), (tea, 12))
    assert refused.body["lines"] == [
        {"code": "insufficient_stock", "product": tea, "requested": 24, "available": 20}
    ]
    placed = place(customer, (tea, 8), (jam, 1), (tea, 12))
    lines = [(line["product"], line["quantity"]) for line in placed.body["lines"]]
    assert lines == [(tea, 20), (jam, 1)]
    assert placed.body["lines"][0]["line_total"] == "22.00"


def test_an_order_has_the_price_of_the_shop_and_an_expected_price_must_match(
    customer: Api, product: Product
) -> None:
    tea, jam = product(price="2.2"), product(price="3")

    def asked(expected_tea: str, expected_jam: str) -> Answer:
        lines = [
            {"product": tea, "quantity": 1, "expected_price": expected_tea},
            {"product": jam, "quantity": 1, "expected_price": expected_jam},
        ]
        return customer("POST", "orders", {"lines": lines})

    refused = asked("2.1", "2.99")
    assert (refused.status, refused.body["code"]) == (409, "price_changed")
    assert refused.body["lines"] == [
        {"code": "price_changed", "product": tea, "expected": "2.10", "price": "2.20"},
        {"code": "price_changed", "product": jam, "expected": "2.99", "price": "3.00"},
    ]
    assert asked("2.200", "3").status == 201


@pytest.mark.parametrize("quantity", [1, 5, 9, 18])
def test_the_rules_of_a_product_hold_for_all_its_units_together(
    customer: Api, product: Product, quantity: int
) -> None:
    jam = product(stock=99, min_quantity=4, max_per_order=12, step=2)
    refused = place(customer, (jam, quantity))
    assert (refused.status, refused.body["code"]) == (409, "order_rule")
    assert refused.body["lines"] == [
        {
            "code": "order_rule",
            "product": jam,
            "requested": quantity,
            "min_quantity": 4,
            "max_per_order": 12,
            "step": 2,
        }
    ]
    assert place(customer, (jam, 3), (jam, 9)).status == 201


def test_a_shop_can_have_a_minimum_total(customer: Api, product: Product, settings: Any) -> None:
    settings.MIN_ORDER_TOTAL = Decimal(20)
    refused = place(customer, (product(price="6.6"), 3))
    assert (refused.status, refused.body["code"]) == (409, "order_rule")
    reported = {name: refused.body[name] for name in ("lines", "total", "minimum")}
    assert reported == {"lines": [], "total": "19.80", "minimum": "20.00"}


def test_a_refusal_has_the_most_serious_code_and_names_every_faulty_line(
    customer: Api, product: Product
) -> None:
    unknown = 999_999
    short, dear, odd = product(stock=1), product(price="2"), product(step=2)
    dear_line = {"product": dear, "quantity": 1, "expected_price": "1"}
    lines: list[dict[str, Any]] = [
        {"product": odd, "quantity": 3},
        dear_line,
        {"product": short, "quantity": 2},
        {"product": unknown, "quantity": 1},
    ]
    expected = [
        ("unknown_product", unknown, 422),
        ("insufficient_stock", short, 409),
        ("price_changed", dear, 409),
        ("order_rule", odd, 409),
    ]
    for position, (code, _, status) in enumerate(expected):
        refused = customer("POST", "orders", {"lines": lines[: len(lines) - position]})
        assert (refused.status, refused.body["code"]) == (status, code)
        assert set(faulty(refused)) == {(code, product) for code, product, _ in expected[position:]}


@pytest.mark.parametrize("quantity", [0, -1, 1_000_001, 2**31, 10**30, 1.0, "1", True, None])
def test_a_quantity_is_a_whole_number_up_to_a_million(
    customer: Api, product: Product, quantity: Any
) -> None:
    refused = place(customer, (product(stock=2**31 - 1), quantity))
    assert (refused.status, refused.body["code"]) == (400, "validation_error")
    assert [fault["pointer"] for fault in refused.body["errors"]] == ["/lines/0/quantity"]


def test_a_million_units_at_the_maximum_price_have_an_exact_total(
    customer: Api, product: Product
) -> None:
    gold = product(stock=2**31 - 1, price="999999999.999")
    placed = place(customer, *[(gold, 1_000_000)] * 1_000)
    assert placed.body["total"] == "999999999999000000.00"
    assert figures(customer, gold) == {gold: 2**31 - 1 - 10**9}


def test_an_order_has_at_most_a_thousand_lines(
    customer: Api, product: Product, many_products: Sequence[int]
) -> None:
    lines = [(id, 1) for id in many_products]
    placed = place(customer, *lines)
    assert placed.status == 201
    assert [line["product"] for line in placed.body["lines"]] == list(many_products)
    refused = place(customer, *lines, lines[0])
    assert [(fault["pointer"], fault["code"]) for fault in refused.body["errors"]] == [
        ("/lines", "too_many")
    ]


def test_an_order_has_at_least_one_line(customer: Api) -> None:
    refused = place(customer)
    assert [(fault["pointer"], fault["code"]) for fault in refused.body["errors"]] == [
        ("/lines", "too_few")
    ]


def test_an_empty_body_counts_as_an_empty_object(customer: Api) -> None:
    for body in (b"", b"{}", b" {} "):
        refused = customer("POST", "orders", body)
        assert [(fault["pointer"], fault["code"]) for fault in refused.body["errors"]] == [
            ("/lines", "required")
        ]


def test_fields_that_only_the_server_sets_are_refused(customer: Api, product: Product) -> None:
    lines = [{"product": product(), "quantity": 1, "unit_price": "0.01", "line_total": "0"}]
    asked = {"lines": lines, "total": "0.01", "status": "delivered", "number": 1, "currency": "X"}
    refused = customer("POST", "orders", asked)
    assert (refused.status, refused.body["code"]) == (400, "unknown_field")
    assert {fault["pointer"] for fault in refused.body["errors"]} == {
        "/lines/0/unit_price",
        "/lines/0/line_total",
        "/total",
        "/status",
        "/number",
        "/currency",
    }


def test_an_id_is_the_same_in_upper_case(customer: Api, product: Product) -> None:
    """iOS writes ids in upper case, in bodies and paths."""
    chosen = str(uuid4()).upper()
    placed = place(customer, (product(), 1), id=chosen).body
    assert placed["id"] == chosen.lower()
    for path in (f"orders/{chosen}", f"orders/{chosen.lower()}"):
        assert customer("GET", path).body == placed
    assert customer("POST", f"orders/{chosen}/cancel").status == 200


def test_another_customers_order_is_not_found(
    customer: Api, as_: Callable[[Person], Api], person: Callable[..., Person], product: Product
) -> None:
    placed = place(customer, (product(), 1)).headers["Location"]
    other = as_(person())
    for path in (placed, f"{placed}/events"):
        refused = other("GET", path)
        assert (refused.status, refused.body["code"]) == (404, "not_found")
    assert other("GET", "orders").body["results"] == []


def test_staff_read_every_order(customer: Api, staff: Api, product: Product) -> None:
    placed = place(customer, (product(), 1))
    assert staff("GET", placed.headers["Location"]).body == placed.body
    assert staff("GET", f"{placed.headers['Location']}/events").status == 200


def test_an_order_for_an_unknown_customer_is_refused(staff: Api, product: Product) -> None:
    refused = place(staff, (product(), 1), customer=2**63 - 1)
    assert (refused.status, refused.body["code"]) == (404, "not_found")
    assert [(fault["pointer"], fault["code"]) for fault in refused.body["errors"]] == [
        ("/customer", "unknown_value")
    ]


def test_the_id_of_another_customers_order_reveals_no_customer(
    staff: Api, customer: Api, person: Callable[..., Person], product: Product
) -> None:
    jam = product()
    taken = place(customer, (jam, 1)).body["id"]
    refused = place(staff, (jam, 1), customer=person().id, id=taken)
    assert (refused.status, refused.body["code"]) == (404, "not_found")
    assert "errors" not in refused.body


def test_a_customer_who_may_not_order_is_refused_with_the_reason(
    as_: Callable[[Person], Api], staff: Api, person: Callable[..., Person], product: Product
) -> None:
    who, jam = person(may_order=False), product()
    answers = [place(as_(who), (jam, 1)), place(staff, (jam, 1), customer=who.id)]
    assert [answer.body["code"] for answer in answers] == ["ordering_not_allowed"] * 2
    assert [answer.status for answer in answers] == [403] * 2


def test_an_order_has_an_event_with_actor_and_time_of_placing(
    customer: Api, product: Product
) -> None:
    placed = place(customer, (product(), 1))
    events = customer("GET", f"{placed.headers['Location']}/events").body
    assert UUID(events["results"][0].pop("id")).version == 7
    assert events == {
        "results": [
            {
                "type": "placed",
                "from": "",
                "to": "placed",
                "actor": customer("GET", "me").body["public_id"],
                "at": placed.body["placed_at"],
                "data": {},
            }
        ],
        "next": None,
    }
