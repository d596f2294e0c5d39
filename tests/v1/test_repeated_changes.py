"""A repeated change of an order changes nothing and succeeds, with any `If-Match` and in any later
status of the order.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Answer, Api
from tests.v1.changing import change
from tests.v1.moving import events, moved
from tests.v1.placing import place

Product = Callable[..., int]


@pytest.fixture
def tea(product: Product) -> int:
    return product(price="2.00", stock=9)


@pytest.fixture
def placed(customer: Api, tea: int) -> Answer:
    return place(customer, (tea, 1))


def test_a_repeated_change_with_its_first_version_returns_the_changed_order(
    customer: Api, product: Product, tea: int, placed: Answer
) -> None:
    lines = [
        {"product": tea, "quantity": 3, "expected_price": "2.00"},
        {"product": product(price="1.00"), "quantity": 1, "expected_price": "1.00"},
    ]
    asked: dict[str, Any] = {
        "lines": lines,
        "note": "Ring twice.",
        "ship_to": {"name": "Ada", "line1": "12 St James's Sq"},
        "requested_for": "2026-12-24",
        "If_Match": placed.headers["ETag"],
    }
    changed = change(customer, placed, **asked)
    assert (changed.status, changed.body["version"]) == (200, 2)
    again = change(customer, placed, **asked)
    assert (again.status, again.body, again.headers["ETag"]) == (
        200,
        changed.body,
        changed.headers["ETag"],
    )
    assert len(events(customer, placed)) == 2


@pytest.mark.parametrize(
    "other", [{"note": "Ring."}, {"reference": "PO 7"}, {"requested_for": None}]
)
def test_a_request_with_any_difference_is_another_change(
    customer: Api, tea: int, placed: Answer, other: dict[str, Any]
) -> None:
    first = {"note": "Ring twice.", "reference": "PO 8", "requested_for": "2026-12-24"}
    tag = placed.headers["ETag"]
    assert change(customer, placed, (tea, 2), **first).status == 200
    late = change(customer, placed, (tea, 2), **first | other, If_Match=tag)
    assert (late.status, late.body["version"]) == (412, 2)


def test_a_repeat_after_another_change_is_a_conflict(
    customer: Api, staff: Api, tea: int, placed: Answer
) -> None:
    tag = placed.headers["ETag"]
    assert change(customer, placed, (tea, 2), If_Match=tag).status == 200
    assert change(staff, placed, (tea, 3)).status == 200
    late = change(customer, placed, (tea, 2), If_Match=tag)
    assert (late.status, late.body["version"]) == (412, 3)


def test_a_change_with_another_expected_price_is_not_a_repeat(
    customer: Api, tea: int, placed: Answer
) -> None:
    lines = [{"product": tea, "quantity": 1, "expected_price": "3.00"}]
    assert change(customer, placed, lines=lines).body["code"] == "price_changed"
    late = change(customer, placed, lines=lines, If_Match='"7-0"')
    assert late.status == 412


@pytest.mark.parametrize("on", [("pack",), ("pack", "ship"), ("pack", "ship", "deliver")])
def test_a_repeat_after_shipping_is_answered_with_the_shipped_order(
    customer: Api, staff: Api, tea: int, placed: Answer, on: tuple[str, ...]
) -> None:
    tag = placed.headers["ETag"]
    assert change(customer, placed, (tea, 2), If_Match=tag).status == 200
    stood = moved(staff, placed, *on)
    again = change(customer, placed, (tea, 2), If_Match=tag)
    assert (again.status, again.body) == (200, stood.body)


def test_a_change_of_a_cancelled_order_is_never_a_repeat(
    customer: Api, staff: Api, tea: int, placed: Answer
) -> None:
    assert change(customer, placed, (tea, 2)).status == 200
    moved(staff, placed, "cancel")
    refused = change(customer, placed, (tea, 2))
    assert (refused.status, refused.body["code"]) == (409, "invalid_transition")
