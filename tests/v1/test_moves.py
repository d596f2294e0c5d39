"""The moves of an order through v1: who may make them, their effect on stock, and their events."""

from collections.abc import Callable
from uuid import UUID

import pytest

from tests.conftest import Api, Person
from tests.v1.moving import As, causes, events, move, moved, returning, stock
from tests.v1.placing import place
from tests.v1.reading import figures

Product = Callable[..., int]


def test_a_cancelled_order_releases_its_units_and_keeps_its_lines(
    customer: Api, product: Product
) -> None:
    tea, jam = product(stock=5), product(stock=9)
    placed = place(customer, (tea, 2), (jam, 3))
    cancelled = move(customer, placed, "cancel", {"reason": "Too late."})
    assert (cancelled.status, cancelled.body["status"]) == (200, "cancelled")
    assert cancelled.body["lines"] == placed.body["lines"]
    assert cancelled.body["total"] == placed.body["total"]
    assert cancelled.body["version"] == placed.body["version"] + 1
    assert figures(customer, tea, jam) == {tea: 5, jam: 9}
    assert causes(tea) == [("order", -2, 2), ("cancel", 2, -2)]
    assert cancelled.headers["ETag"] == customer("GET", placed.headers["Location"]).headers["ETag"]


def test_an_event_has_actor_time_and_reason_of_a_move(
    person: Callable[..., Person], as_: As, product: Product
) -> None:
    who = person()
    customer = as_(who)
    placed = place(customer, (product(), 1))
    move(customer, placed, "cancel", {"reason": "Too late."})
    first, second = events(customer, placed)
    assert (first["from"], first["to"]) == ("", "placed")
    assert second.pop("at").endswith("Z")
    assert UUID(second.pop("id")).version == 7
    assert second == {
        "type": "cancelled",
        "from": "placed",
        "to": "cancelled",
        "actor": str(who.customer.public_id),
        "data": {"reason": "Too late."},
    }


def test_an_order_is_packed_shipped_and_delivered_with_its_units(
    customer: Api, staff: Api, product: Product
) -> None:
    tea = product(stock=5)
    placed = place(customer, (tea, 2))
    assert (moved(staff, placed, "pack").body["status"], stock(tea)) == ("packed", (3, 2))
    assert (moved(staff, placed, "ship").body["status"], stock(tea)) == ("shipped", (3, 0))
    assert (moved(staff, placed, "deliver").body["status"], stock(tea)) == ("delivered", (3, 0))
    assert [event["type"] for event in events(customer, placed)] == [
        *("placed", "packed", "shipped", "delivered")
    ]
    assert causes(tea) == [("order", -2, 2), ("ship", 0, -2)]


@pytest.mark.parametrize(
    ("before", "name"),
    [
        ((), "ship"),
        ((), "deliver"),
        ((), "return"),
        (("pack",), "deliver"),
        (("pack",), "return"),
        (("pack", "ship"), "cancel"),
        (("pack", "ship", "deliver"), "cancel"),
        (("cancel",), "pack"),
        (("cancel",), "return"),
    ],
)
def test_a_move_that_the_status_does_not_allow_is_refused_with_the_status(
    customer: Api, staff: Api, product: Product, before: tuple[str, ...], name: str
) -> None:
    tea = product()
    placed = place(customer, (tea, 1))
    stood = moved(staff, placed, *before) if before else placed
    body = {"lines": [{"product": tea, "quantity": 1}], "reason": "x"} if name == "return" else None
    refused = move(staff, placed, name, body)
    assert (refused.status, refused.body["code"]) == (409, "invalid_transition")
    assert (refused.body["from"], refused.body["move"]) == (stood.body["status"], name)
    assert staff("GET", placed.headers["Location"]).body == stood.body


def test_customers_cancel_until_an_order_is_packed_and_staff_until_it_is_shipped(
    customer: Api, staff: Api, product: Product
) -> None:
    tea = product(stock=5)
    placed = place(customer, (tea, 2))
    moved(staff, placed, "pack")
    refused = move(customer, placed, "cancel")
    assert (refused.status, refused.body["from"], refused.body["move"]) == (409, "packed", "cancel")
    assert moved(staff, placed, "cancel").body["status"] == "cancelled"
    assert stock(tea) == (5, 0)


def test_units_that_were_not_picked_leave_the_order_and_the_stock(
    customer: Api, staff: Api, product: Product
) -> None:
    tea, jam = product(stock=5, price="2.00"), product(stock=9, price="1.50")
    placed = place(customer, (tea, 4), (jam, 3))
    picked = {"lines": [{"product": tea, "quantity": 1}]}
    packed = move(staff, placed, "pack", picked)
    assert packed.status == 200
    assert [
        (line["product"], line["ordered"], line["quantity"], line["line_total"])
        for line in packed.body["lines"]
    ] == [(tea, 4, 1, "2.00"), (jam, 3, 3, "4.50")]
    assert customer("GET", "orders").body["results"] == [packed.body]
    assert packed.body["total"] == "6.50"
    assert (stock(tea), stock(jam)) == ((1, 1), (6, 3))
    assert causes(tea) == [("order", -4, 4), ("missing", 0, -3)]
    answers = events(customer, placed)[-1]["data"]
    assert answers == {"picked": [{"product": tea, "ordered": 4, "quantity": 1, "missing": True}]}


def test_packing_with_missing_false_releases_units_and_removes_empty_lines(
    customer: Api, staff: Api, product: Product
) -> None:
    tea, jam = product(stock=5), product(stock=9)
    placed = place(customer, (tea, 4), (jam, 3))
    line = {"product": tea, "quantity": 0, "missing": False}
    packed = move(staff, placed, "pack", {"lines": [line, {"product": jam, "quantity": 3}]})
    assert [line["product"] for line in packed.body["lines"]] == [jam]
    assert causes(tea) == [("order", -4, 4), ("pack", 4, -4)]
    assert stock(tea) == (5, 0)


def test_an_order_without_picked_units_is_cancelled_unchanged(
    customer: Api, staff: Api, product: Product
) -> None:
    tea, jam = product(stock=5), product(stock=9)
    placed = place(customer, (tea, 4), (jam, 3))
    lines = [
        {"product": tea, "quantity": 0},
        {"product": jam, "quantity": 0, "missing": False},
    ]
    cancelled = move(staff, placed, "pack", {"lines": lines})
    assert (cancelled.status, cancelled.body["status"]) == (200, "cancelled")
    assert cancelled.body["lines"] == placed.body["lines"]
    assert (stock(tea), stock(jam)) == ((1, 0), (9, 0))
    assert events(customer, placed)[-1]["data"]["reason"] == "nothing picked"


def test_picking_with_unknown_products_names_all_faults(
    customer: Api, staff: Api, product: Product
) -> None:
    tea, jam = product(), product()
    placed = place(customer, (tea, 2))
    lines = [(tea, 3), (tea, 1), (jam, 1)]
    refused = move(
        staff, placed, "pack", {"lines": [{"product": p, "quantity": q} for p, q in lines]}
    )
    assert (refused.status, refused.body["code"]) == (400, "validation_error")
    assert [(fault["pointer"], fault["code"]) for fault in refused.body["errors"]] == [
        ("/lines/0/quantity", "out_of_range"),
        ("/lines/1/product", "duplicate"),
        ("/lines/2/product", "unknown_value"),
    ]


def test_returns_are_counted_until_all_units_are_returned(
    customer: Api, staff: Api, product: Product
) -> None:
    tea, jam = product(stock=5), product(stock=9)
    placed = place(customer, (tea, 4), (jam, 3))
    moved(staff, placed, "pack", "ship")
    part = move(staff, placed, "return", returning((tea, 1)))
    assert (part.status, part.body["status"]) == (200, "shipped")
    assert [line["returned"] for line in part.body["lines"]] == [1, 0]
    assert (stock(tea), stock(jam)) == ((2, 0), (6, 0))
    moved(staff, placed, "deliver")
    broken = move(staff, placed, "return", returning((jam, 3), restock=False))
    assert broken.body["status"] == "delivered"
    assert stock(jam) == (6, 0)
    rest = move(staff, placed, "return", returning((tea, 1), (tea, 2)))
    assert rest.body["status"] == "returned"
    assert [line["returned"] for line in rest.body["lines"]] == [4, 3]
    assert rest.body["total"] == placed.body["total"]
    assert stock(tea) == (5, 0)
    assert events(customer, placed)[-2]["data"] == {
        "reason": "Broken.",
        "lines": [{"product": jam, "quantity": 3, "restock": False}],
    }


def test_a_return_above_the_shipped_units_names_every_line_and_stores_none(
    customer: Api, staff: Api, product: Product
) -> None:
    tea, jam, rice = product(stock=5), product(stock=9), product()
    placed = place(customer, (tea, 4), (jam, 3))
    moved(staff, placed, "pack", "ship")
    move(staff, placed, "return", returning((tea, 2)))
    refused = move(staff, placed, "return", returning((tea, 3), (jam, 3), (rice, 1)))
    assert (refused.status, refused.body["code"]) == (409, "return_exceeds_shipped")
    code = {"code": "return_exceeds_shipped"}
    assert refused.body["lines"] == [
        code | {"product": tea, "requested": 3, "shipped": 4, "returned": 2},
        code | {"product": rice, "requested": 1, "shipped": 0, "returned": 0},
    ]
    assert stock(jam) == (6, 0)


def test_a_fully_returned_order_cannot_be_returned_again(
    customer: Api, staff: Api, product: Product
) -> None:
    tea = product()
    placed = place(customer, (tea, 1))
    moved(staff, placed, "pack", "ship")
    assert move(staff, placed, "return", returning((tea, 1))).body["status"] == "returned"
    again = move(staff, placed, "return", returning((tea, 1)))
    assert (again.status, again.body["code"]) == (409, "return_exceeds_shipped")


def test_the_second_change_of_one_version_is_refused(
    customer: Api, staff: Api, product: Product
) -> None:
    placed = place(customer, (product(), 1))
    customer("PATCH", placed.headers["Location"], {"note": "Ring twice."})
    late = move(staff, placed, "pack", If_Match=placed.headers["ETag"])
    assert (late.status, late.body["code"], late.body["version"]) == (412, "precondition_failed", 2)
    present = customer("GET", placed.headers["Location"]).headers["ETag"]
    assert move(staff, placed, "pack", If_Match=present).status == 200


def test_a_repeated_return_with_a_key_is_stored_once(
    customer: Api, staff: Api, product: Product
) -> None:
    tea = product(stock=5)
    placed = place(customer, (tea, 4))
    moved(staff, placed, "pack", "ship")
    first = move(staff, placed, "return", returning((tea, 1)), Idempotency_Key="box-1")
    again = move(staff, placed, "return", returning((tea, 1)), Idempotency_Key="box-1")
    assert (again.status, again.body) == (200, first.body)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.body["lines"][0]["returned"] == 1
    other = move(staff, placed, "return", returning((tea, 2)), Idempotency_Key="box-1")
    assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")


def test_a_cancellation_succeeds_at_the_maximum_stock(
    customer: Api, staff: Api, product: Product
) -> None:
    tea = product(stock=2**31 - 1)
    placed = place(customer, (tea, 1))
    received = {"reason": "received", "lines": [{"product": tea, "delta": 1}]}
    refused = staff("POST", "stock/adjustments", received)
    assert (refused.status, refused.body["code"]) == (409, "stock_limit_exceeded")
    assert move(customer, placed, "cancel").status == 200


def test_a_return_above_the_maximum_stock_is_refused(
    customer: Api, staff: Api, product: Product
) -> None:
    tea = product(stock=2**31 - 1)
    placed = place(customer, (tea, 1))
    assert [move(staff, placed, step).status for step in ("pack", "ship")] == [200, 200]
    received = {"reason": "received", "lines": [{"product": tea, "delta": 1}]}
    assert staff("POST", "stock/adjustments", received).status == 201
    refused = move(staff, placed, "return", returning((tea, 1)))
    assert (refused.status, refused.body["code"]) == (409, "stock_limit_exceeded")
    assert refused.body["lines"][0]["product"] == tea
