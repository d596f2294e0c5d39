"""Moves that are repeated without a key: nothing is moved twice, and 200 is returned only if the
same move was made.
"""

from collections.abc import Callable
from typing import Any

import pytest

from larder.db import database
from tests.conftest import Answer, Api
from tests.v1.moving import causes, events, move, moved, returning, stock
from tests.v1.placing import place

Product = Callable[..., int]
WAY = ("pack", "ship", "deliver")
RETURNED = "return"


def books() -> list[tuple[Any, ...]]:
    """Returns all rows that a move writes."""
    tables = ("stock", "ledger_entry", "order_event", "order_line", '"order"', "idempotency_key")
    return [row for table in tables for row in database.rows(f"SELECT {table}::text FROM {table}")]


def brought(staff: Api, tea: int, placed: Answer, *moves: str) -> Answer:
    """Makes moves, a return with all units; returns the order."""
    order = placed
    for step in moves:
        order = move(staff, placed, step, returning((tea, 2)) if step == RETURNED else None)
        assert order.status == 200
    return order


@pytest.mark.parametrize(
    ("moves", "again"),
    [
        *((WAY[:far], again) for far in (1, 2, 3) for again in WAY[:far]),
        *(((*WAY, RETURNED), again) for again in WAY),
        *(((*WAY[:2], RETURNED), again) for again in WAY[:2]),
        (("cancel",), "cancel"),
        (("pack", "cancel"), "cancel"),
    ],
)
def test_a_repeated_move_is_answered_and_changes_nothing(
    customer: Api, staff: Api, product: Product, moves: tuple[str, ...], again: str
) -> None:
    tea = product()
    placed = place(customer, (tea, 2))
    stood, written = brought(staff, tea, placed, *moves), books()
    for headers in ({}, {"If_Match": placed.headers["ETag"]}):
        answer = move(staff, placed, again, **headers)
        assert (answer.status, answer.body) == (200, stood.body)
    assert books() == written


def picking(*lines: tuple[int, int], **rest: Any) -> dict[str, Any]:
    return {"lines": [{"product": id, "quantity": units, **rest} for id, units in lines]}


@pytest.fixture
def packed(customer: Api, staff: Api, product: Product) -> tuple[Answer, int, int]:
    """An order of 4 and 3, of which 1 and 3 were picked; and the two products."""
    tea, jam = product(stock=5), product(stock=9)
    placed = place(customer, (tea, 4), (jam, 3))
    order = move(staff, placed, "pack", picking((tea, 1)))
    assert order.status == 200
    return order, tea, jam


@pytest.mark.parametrize("further", [(), ("ship",), ("ship", "deliver")])
def test_packing_is_repeated_by_equal_quantities_or_none(
    staff: Api, packed: tuple[Answer, int, int], further: tuple[str, ...]
) -> None:
    order, tea, jam = packed
    moved(staff, order, *further)
    written = books()
    for body in (None, picking((tea, 1)), picking((jam, 3), (tea, 1))):
        again = move(staff, order, "pack", body)
        assert (again.status, again.body["lines"]) == (200, order.body["lines"])
    assert books() == written


def test_packing_again_with_other_quantities_is_refused_with_the_packed_ones(
    staff: Api, packed: tuple[Answer, int, int]
) -> None:
    order, tea, jam = packed
    written = books()
    code = {"code": "conflicting_repeat"}
    of_tea = code | {"product": tea, "requested": 2, "picked": 1, "missing": True}
    asked = {
        "more of one": (picking((tea, 2)), [of_tea]),
        "all of it": (picking((tea, 4)), [of_tea | {"requested": 4}]),
        "less of another": (
            picking((tea, 1), (jam, 0)),
            [code | {"product": jam, "requested": 0, "picked": 3}],
        ),
        "the short one left out": (picking((jam, 3)), [of_tea | {"requested": 4}]),
        "not missing": (picking((tea, 1), missing=False), [of_tea | {"requested": 1}]),
    }
    for body, lines in asked.values():
        refused = move(staff, order, "pack", body)
        assert (refused.status, refused.body["code"]) == (409, "conflicting_repeat")
        assert (refused.body["from"], refused.body["move"]) == ("packed", "pack")
        assert refused.body["lines"] == lines
    assert books() == written


def test_packing_again_reports_the_faults_of_a_first_request(
    staff: Api, product: Product, packed: tuple[Answer, int, int]
) -> None:
    order, tea, _ = packed
    refused = move(staff, order, "pack", picking((tea, 5), (tea, 1), (product(), 1)))
    assert (refused.status, refused.body["code"]) == (400, "validation_error")
    assert [(fault["pointer"], fault["code"]) for fault in refused.body["errors"]] == [
        ("/lines/0/quantity", "out_of_range"),
        ("/lines/1/product", "duplicate"),
        ("/lines/2/product", "unknown_value"),
    ]


def test_a_repeat_recognises_a_line_without_picked_units(
    customer: Api, staff: Api, product: Product
) -> None:
    tea, jam = product(), product()
    placed = place(customer, (tea, 4), (jam, 3))
    order = move(staff, placed, "pack", picking((tea, 0)))
    assert move(staff, placed, "pack", picking((tea, 0))).body == order.body
    refused = move(staff, placed, "pack", picking((tea, 1)))
    assert (refused.status, refused.body["lines"][0]["picked"]) == (409, 0)


def test_packing_without_units_is_repeated_only_by_a_request_without_units(
    customer: Api, staff: Api, product: Product
) -> None:
    """Packing without units has cancelled the order; a repeat of it gets the cancelled order."""
    tea = product()
    placed = place(customer, (tea, 2))
    cancelled = move(staff, placed, "pack", picking((tea, 0)))
    written = books()
    again = move(staff, placed, "pack", picking((tea, 0)))
    assert (again.status, again.body) == (200, cancelled.body)
    assert move(staff, placed, "pack").body["code"] == "invalid_transition"
    assert move(staff, placed, "pack", picking((tea, 2))).body["code"] == "conflicting_repeat"
    assert books() == written


def test_cancelling_again_for_another_reason_is_refused_with_the_first_reason(
    customer: Api, staff: Api, product: Product
) -> None:
    placed = place(customer, (product(), 2))
    cancelled = move(customer, placed, "cancel", {"reason": "Too late."})
    written = books()
    for body in (None, {"reason": "Too late."}):
        again = move(staff, placed, "cancel", body)
        assert (again.status, again.body) == (200, cancelled.body)
    refused = move(staff, placed, "cancel", {"reason": "Not paid."})
    assert (refused.status, refused.body["code"]) == (409, "conflicting_repeat")
    answers = {name: refused.body[name] for name in ("from", "move", "reason")}
    assert answers == {"from": "cancelled", "move": "cancel", "reason": "Too late."}
    assert books() == written


def test_another_move_with_an_outdated_version_is_refused_for_the_version(
    customer: Api, product: Product
) -> None:
    placed = place(customer, (product(), 2))
    move(customer, placed, "cancel")
    tag = placed.headers["ETag"]
    late = move(customer, placed, "cancel", {"reason": "Too late."}, If_Match=tag)
    assert (late.status, late.body["version"]) == (412, 2)


def test_a_refused_repeat_releases_its_key(staff: Api, packed: tuple[Answer, int, int]) -> None:
    order, tea, _ = packed
    key = {"Idempotency_Key": "k"}
    assert move(staff, order, "pack", picking((tea, 2)), **key).status == 409
    assert move(staff, order, "pack", picking((tea, 1)), **key).status == 200


def test_repeated_cancellations_store_no_key(customer: Api, product: Product) -> None:
    placed = place(customer, (product(), 2))
    cancelled, written = move(customer, placed, "cancel", Idempotency_Key="k"), books()
    for number in range(20):
        answer = move(customer, placed, "cancel", Idempotency_Key=f"fresh-{number}")
        assert (answer.status, answer.body) == (200, cancelled.body)
        assert "Idempotency-Replayed" not in answer.headers
    again = move(customer, placed, "cancel", Idempotency_Key="fresh-0")
    assert (again.status, again.body, again.headers["ETag"]) == (
        *(200, cancelled.body),
        cancelled.headers["ETag"],
    )
    assert books() == written


@pytest.mark.parametrize(
    ("moves", "keys"), [(("pack",), 2), (("pack", "ship"), 2), (("pack", "ship", "deliver"), 0)]
)
def test_a_repeated_move_by_staff_stores_its_key_only_if_the_move_can_be_undone(
    customer: Api, staff: Api, product: Product, moves: tuple[str, ...], keys: int
) -> None:
    tea = product()
    placed = place(customer, (tea, 2))
    brought(staff, tea, placed, *moves)
    written = books()
    for key in ("one", "two"):
        assert move(staff, placed, moves[-1], Idempotency_Key=key).status == 200
    # The keys are the last rows.
    assert books()[: len(written)] == written
    assert len(books()) - len(written) == keys


def test_a_second_return_without_a_key_is_a_new_return(
    customer: Api, staff: Api, product: Product
) -> None:
    tea = product(stock=5)
    placed = place(customer, (tea, 4))
    moved(staff, placed, "pack", "ship")
    for units in (1, 2):
        order = move(staff, placed, "return", returning((tea, 1)))
        assert order.body["lines"][0]["returned"] == units
    assert stock(tea) == (3, 0)
    assert [cause for cause, _, _ in causes(tea)].count("return") == 2
    assert [event["type"] for event in events(staff, placed)].count("returned") == 2
