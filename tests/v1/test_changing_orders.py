"""PATCH orders/{id}: replaces all lines or none, until the order is packed."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from larder.db import database
from tests.conftest import Answer, Api, Person
from tests.v1.changing import change, units
from tests.v1.moving import causes, events, move, moved, stock
from tests.v1.placing import faulty, place

Product = Callable[..., int]


def test_lines_are_added_removed_and_changed_with_their_stock(
    customer: Api, product: Product
) -> None:
    tea, jam, rice = product(stock=5), product(stock=9), product(stock=4, price="2.00")
    placed = place(customer, (tea, 4), (jam, 3))
    changed = change(customer, placed, (rice, 1), (tea, 5), (rice, 1))
    assert changed.status == 200
    assert units(changed) == [(tea, 5, "1.50"), (rice, 2, "2.00")]
    assert (changed.body["total"], changed.body["status"]) == ("11.50", "placed")
    assert changed.body["version"] == placed.body["version"] + 1
    assert (stock(tea), stock(jam), stock(rice)) == ((0, 5), (9, 0), (2, 2))
    assert causes(jam) == [("order", -3, 3), ("change", 3, -3)]
    assert causes(rice) == [("change", -2, 2)]
    assert events(customer, placed)[-1]["data"] == {
        "before": {"lines": [{"product": tea, "quantity": 4}, {"product": jam, "quantity": 3}]},
        "after": {"lines": [{"product": rice, "quantity": 2}, {"product": tea, "quantity": 5}]},
    }


def test_a_changed_line_keeps_its_price_and_a_new_one_has_the_current_price(
    customer: Api, staff: Api, product: Product
) -> None:
    tea, jam = product(stock=9, price="1.00"), product(stock=9, price="1.00")
    placed = place(customer, (tea, 1))
    for id in (tea, jam):
        staff("PATCH", f"products/{id}", {"price": "3.00"})
    changed = change(customer, placed, (tea, 4), (jam, 1))
    assert units(changed) == [(tea, 4, "1.00"), (jam, 1, "3.00")]
    assert changed.body["total"] == "7.00"


def test_every_faulty_line_of_a_change_is_named_and_nothing_is_changed(
    customer: Api, staff: Api, product: Product
) -> None:
    tea, jam, rice, gone = (product(stock=3) for _ in range(4))
    placed = place(customer, (tea, 2))
    staff("PATCH", f"products/{rice}", {"step": 2})
    staff("DELETE", f"products/{gone}")
    refused = change(customer, placed, (tea, 4), (jam, 9), (rice, 1), (gone, 1))
    assert (refused.status, refused.body["code"]) == (422, "unknown_product")
    assert sorted(faulty(refused)) == sorted(
        [
            ("insufficient_stock", tea),
            ("insufficient_stock", jam),
            ("order_rule", rice),
            ("unknown_product", gone),
        ]
    )
    assert {line["product"]: line.get("available") for line in refused.body["lines"]}[tea] == 3
    assert customer("GET", placed.headers["Location"]).body == placed.body
    assert (stock(tea), stock(jam)) == ((1, 2), (3, 0))


def test_a_change_compares_the_expected_price_with_the_price_of_the_line(
    customer: Api, staff: Api, product: Product
) -> None:
    tea = product(price="2.00")
    placed = place(customer, (tea, 1))
    staff("PATCH", f"products/{tea}", {"price": "3.00"})

    def expecting(price: str) -> Answer:
        lines = [{"product": tea, "quantity": 2, "expected_price": price}]
        return change(customer, placed, lines=lines)

    refused = expecting("3.00")
    assert (refused.status, refused.body["code"]) == (409, "price_changed")
    assert refused.body["lines"][0]["price"] == "2.00"
    assert expecting("2.00").body["total"] == "4.00"


def test_a_change_must_keep_the_minimum_total(
    customer: Api, product: Product, settings: Any
) -> None:
    tea = product(price="2.00", stock=9)
    settings.MIN_ORDER_TOTAL = Decimal(5)
    placed = place(customer, (tea, 3))
    refused = change(customer, placed, (tea, 2))
    assert (refused.status, refused.body["code"]) == (409, "order_rule")
    assert (refused.body["total"], stock(tea)) == ("4.00", (6, 3))


def test_a_change_keeps_ordered_units_of_archived_or_limited_products(
    customer: Api, staff: Api, product: Product
) -> None:
    tea, jam, rice = product(stock=9), product(stock=9), product(stock=9)
    placed = place(customer, (tea, 3), (jam, 3))
    staff("DELETE", f"products/{tea}")
    staff("PATCH", f"products/{jam}", {"max_per_order": 2})
    assert units(change(customer, placed, (tea, 2), (jam, 3), (rice, 1)))[0] == (tea, 2, "1.50")
    more = change(customer, placed, (tea, 3), (jam, 4))
    assert sorted(faulty(more)) == sorted([("unknown_product", tea), ("order_rule", jam)])


def test_a_line_that_is_reduced_has_to_keep_the_rules_of_today(
    customer: Api, staff: Api, product: Product
) -> None:
    jam = product(stock=9)
    placed = place(customer, (jam, 4))
    staff("PATCH", f"products/{jam}", {"max_per_order": 2})
    assert faulty(change(customer, placed, (jam, 3))) == [("order_rule", jam)]
    assert change(customer, placed, (jam, 2)).status == 200


def test_a_change_to_no_lines_is_refused_and_does_not_cancel(
    customer: Api, product: Product
) -> None:
    placed = place(customer, (product(), 1))
    refused = change(customer, placed, lines=[])
    assert (refused.status, refused.body["code"]) == (400, "validation_error")
    assert refused.body["errors"][0]["pointer"] == "/lines"


def test_a_note_is_changed_without_lines_and_an_equal_note_writes_nothing(
    customer: Api, product: Product
) -> None:
    tea = product()
    placed = place(customer, (tea, 2), note="Ring once.")
    noted = change(customer, placed, note="Ring twice.")
    assert (noted.body["note"], noted.body["version"]) == ("Ring twice.", 2)
    assert noted.body["lines"] == placed.body["lines"]
    answers = {"before": {"note": "Ring once."}, "after": {"note": "Ring twice."}}
    assert events(customer, placed)[-1]["data"] == answers
    for nothing in (
        change(customer, placed),
        change(customer, placed, (tea, 1), (tea, 1)),
        change(customer, placed, note="Ring twice."),
    ):
        assert (nothing.status, nothing.body) == (200, noted.body)
    assert len(events(customer, placed)) == 2


HOME = {"name": "Ada", "city": "London", "country": "GB"}
EMPTY = dict.fromkeys(
    ("name", "company", "line1", "line2", "city", "region", "postal_code", "country", "phone"), ""
)


def test_the_details_of_an_order_are_changed_without_moving_stock(
    customer: Api, product: Product
) -> None:
    tea = product(stock=5)
    placed = place(customer, (tea, 2), ship_to=HOME, reference="PO 7")
    there, details = (stock(tea), causes(tea)), {"reference": "PO 8", "requested_for": "2026-12-24"}
    changed = change(customer, placed, ship_to={"city": "Bath"}, **details)
    assert changed.status == 200
    assert {name: changed.body[name] for name in details} == details
    assert changed.body["ship_to"] == EMPTY | {"city": "Bath"}
    assert changed.body["version"] == placed.body["version"] + 1
    assert (changed.body["lines"], changed.body["note"]) == (placed.body["lines"], "")
    assert customer("GET", placed.headers["Location"]).body == changed.body
    assert (stock(tea), causes(tea)) == there
    event = events(customer, placed)[-1]
    assert event["type"] == "changed"
    assert event["data"] == {
        "before": {"reference": "PO 7", "ship_to": EMPTY | HOME, "requested_for": None},
        "after": {"ship_to": EMPTY | {"city": "Bath"}, **details},
    }


def test_details_can_be_removed_together_with_a_change_of_lines(
    customer: Api, product: Product
) -> None:
    tea = product(stock=5)
    placed = place(customer, (tea, 2), ship_to=HOME, requested_for="2026-12-24", note="Ring.")
    gone: dict[str, Any] = {"ship_to": None, "requested_for": None, "note": ""}
    changed = change(customer, placed, (tea, 3), **gone)
    assert {name: changed.body[name] for name in gone} == gone
    assert stock(tea) == (2, 3)
    answers = events(customer, placed)[-1]["data"]
    assert answers["before"].keys() == answers["after"].keys() == {"lines", *gone}
    missing = database.rows('SELECT ship_to IS NULL AND requested_for IS NULL FROM "order"')
    assert missing == [(True,)]


def test_a_change_to_equal_details_writes_nothing(customer: Api, product: Product) -> None:
    details: dict[str, Any] = {"ship_to": HOME, "requested_for": "2026-12-24", "reference": "PO 7"}
    tea = product()
    placed = place(customer, (tea, 2), **details)
    assert change(customer, placed, **details).body == placed.body
    assert len(events(customer, placed)) == 1
    assert change(customer, placed, (tea, 3), **details).status == 200
    answers = events(customer, placed)[-1]["data"]
    assert answers["before"].keys() == answers["after"].keys() == {"lines"}


@pytest.mark.parametrize(
    ("details", "pointer"),
    [
        ({"reference": "x" * 201}, "/reference"),
        ({"reference": None}, "/reference"),
        ({"requested_for": "2026-02-30"}, "/requested_for"),
        ({"ship_to": {"street": "x"}}, "/ship_to/street"),
        ({"ship_to": {"country": "England"}}, "/ship_to/country"),
        ({"customer": 1}, "/customer"),
    ],
)
def test_details_have_the_same_limits_in_changes_and_placing(
    customer: Api, product: Product, details: dict[str, Any], pointer: str
) -> None:
    placed = place(customer, (product(), 1))
    refused = change(customer, placed, **details)
    assert refused.status == 400
    assert [fault["pointer"] for fault in refused.body["errors"]] == [pointer]


def test_a_repeat_of_placing_is_compared_with_the_placed_details(
    customer: Api, product: Product
) -> None:
    tea = product()
    sent: dict[str, Any] = {"reference": "PO 7", "headers": {"Idempotency_Key": "k"}}
    placed = place(customer, (tea, 1), **sent)
    changed = change(customer, placed, reference="PO 8", ship_to=HOME)
    again = place(customer, (tea, 1), **sent)
    assert (again.status, again.body) == (201, changed.body)


@pytest.mark.parametrize("before", [("pack",), ("pack", "ship"), ("cancel",)])
def test_only_an_order_that_is_not_packed_can_be_changed(
    customer: Api, staff: Api, product: Product, before: tuple[str, ...]
) -> None:
    placed = place(customer, (product(), 1))
    stood = moved(staff, placed, *before)
    refused = change(customer, placed, note="Ring twice.")
    assert (refused.status, refused.body["code"]) == (409, "invalid_transition")
    assert (refused.body["from"], refused.body["move"]) == (stood.body["status"], "change")


def test_a_second_change_is_refused_only_with_a_version(customer: Api, product: Product) -> None:
    tea = product()
    placed = place(customer, (tea, 1))
    tag = placed.headers["ETag"]
    assert change(customer, placed, (tea, 2), If_Match=tag).status == 200
    late = change(customer, placed, (tea, 3), If_Match=tag)
    assert (late.status, late.body["version"]) == (412, 2)
    assert change(customer, placed, (tea, 3)).body["lines"][0]["quantity"] == 3


def test_a_customer_who_may_no_longer_order_can_only_remove_units(
    person: Callable[..., Person], as_: Callable[[Person], Api], product: Product
) -> None:
    who, tea = person(), product()
    customer = as_(who)
    placed = place(customer, (tea, 2))
    who.customer.may_order = False
    who.customer.save()
    refused = change(customer, placed, (tea, 3))
    assert (refused.status, refused.body["code"]) == (403, "ordering_not_allowed")
    assert change(customer, placed, (tea, 1)).status == 200


def test_a_repeat_of_placing_shows_the_current_order(
    customer: Api, staff: Api, product: Product
) -> None:
    tea = product()
    placed = place(customer, (tea, 2), headers={"Idempotency_Key": "k"})
    changed = change(customer, placed, (tea, 1))
    again = place(customer, (tea, 2), headers={"Idempotency_Key": "k"})
    assert (again.status, again.body) == (201, changed.body)
    cancelled = move(customer, placed, "cancel")
    again = place(customer, (tea, 2), headers={"Idempotency_Key": "k"})
    assert (again.status, again.body) == (201, cancelled.body)
    assert again.headers["Idempotency-Replayed"] == "true"
