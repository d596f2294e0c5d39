"""Packing and shipping that staff undo, and late repeats of what was undone."""

from collections.abc import Callable

import pytest

from larder.ops.books import invariants
from tests.conftest import Answer, Api
from tests.v1.moving import causes, events, move, moved, returning, stock
from tests.v1.placing import place

Product = Callable[..., int]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def tea(product: Product) -> int:
    return product(stock=9)


@pytest.fixture
def placed(customer: Api, tea: int) -> Answer:
    """Four of nine."""
    return place(customer, (tea, 4))


def test_undone_shipping_commits_the_units_again(
    customer: Api, staff: Api, placed: Answer, tea: int
) -> None:
    packed = moved(staff, placed, "pack")
    undone = moved(staff, packed, "ship", "unship")
    assert (undone.body["status"], stock(tea)) == ("packed", (5, 4))
    assert undone.body["lines"] == packed.body["lines"]
    assert causes(tea) == [("order", -4, 4), ("ship", 0, -4), ("unship", 0, 4)]
    last = events(customer, placed)[-1]
    assert (last["type"], last["from"], last["to"]) == ("unshipped", "shipped", "packed")
    assert invariants.check().violated == []


def test_an_order_whose_packing_was_undone_keeps_the_units_that_were_picked(
    customer: Api, staff: Api, placed: Answer, tea: int
) -> None:
    short = {"lines": [{"product": tea, "quantity": 3}]}
    move(staff, placed, "pack", short)
    undone = moved(staff, placed, "unpack")
    line = undone.body["lines"][0]
    assert (undone.body["status"], line["quantity"], line["ordered"]) == ("placed", 3, 3)
    assert stock(tea) == (5, 3)
    more = {"lines": [{"product": tea, "quantity": 6}]}
    assert customer("PATCH", placed.headers["Location"], more).body["lines"][0]["quantity"] == 6
    assert invariants.check().violated == []


def test_shipping_of_which_units_came_back_cannot_be_undone(
    staff: Api, placed: Answer, tea: int
) -> None:
    moved(staff, placed, "pack", "ship")
    move(staff, placed, "return", returning((tea, 1)))
    refused = move(staff, placed, "unship")
    assert (refused.status, refused.body["code"]) == (409, "invalid_transition")
    assert stock(tea) == (6, 0)


@pytest.mark.parametrize(
    ("way", "again"),
    [
        (("pack", "unpack"), "pack"),
        (("pack", "ship", "unship"), "ship"),
        (("pack", "unpack", "pack again"), "unpack"),
        (("pack", "ship", "unship", "ship again"), "unship"),
    ],
)
def test_a_late_repeat_of_what_was_undone_does_nothing(
    staff: Api, placed: Answer, tea: int, way: tuple[str, ...], again: str
) -> None:
    order, key = placed, {"Idempotency_Key": "of-the-first-request"}
    for one in way:
        known = {} if one != again else key
        named = {"If_Match": order.headers["ETag"]} if " " in one else known
        order = move(staff, placed, one.split()[0], **named)
        assert order.status == 200
    before = (stock(tea), order.body)
    refused = move(staff, placed, again)
    assert (refused.status, refused.body["code"]) == (428, "precondition_required")
    repeated = move(staff, placed, again, **key)
    assert (repeated.status, repeated.headers["Idempotency-Replayed"]) == (200, "true")
    assert (stock(tea), repeated.body) == before


@pytest.mark.parametrize(
    ("way", "again", "back"),
    [
        (("pack",), "pack", "unpack"),
        (("pack", "ship"), "ship", "unship"),
        (("pack", "unpack"), "unpack", "pack"),
        (("pack", "ship", "unship"), "unship", "ship"),
    ],
)
def test_a_key_that_found_its_move_made_does_nothing_after_the_move_was_undone(
    staff: Api, placed: Answer, tea: int, way: tuple[str, ...], again: str, back: str
) -> None:
    key = {"Idempotency_Key": "first-seen-when-made"}
    made = moved(staff, placed, *way)
    found = move(staff, placed, again, **key)
    assert (found.status, found.body) == (200, made.body)
    order = move(staff, placed, back, If_Match=made.headers["ETag"])
    before = stock(tea)
    repeated = move(staff, placed, again, **key)
    assert (repeated.status, repeated.headers["Idempotency-Replayed"]) == (200, "true")
    assert (stock(tea), repeated.body) == (before, order.body)


@pytest.mark.parametrize("named", ["If_Match", "Idempotency_Key"])
def test_what_was_undone_is_made_again_with_a_version_or_a_new_key(
    staff: Api, placed: Answer, tea: int, named: str
) -> None:
    order = moved(staff, placed, "pack", "ship", "unship", "unpack")
    for one in ("pack", "ship"):
        value = {"If_Match": order.headers["ETag"], "Idempotency_Key": "another"}[named]
        order = move(staff, placed, one, **{named: value})
        assert order.status == 200
    assert (order.body["status"], stock(tea)) == ("shipped", (5, 0))
    assert moved(staff, placed, "pack", "ship", "deliver").body["status"] == "delivered"
    assert invariants.check().violated == []


def test_a_repeat_of_undoing_is_answered_again(staff: Api, placed: Answer) -> None:
    moved(staff, placed, "pack", "ship")
    first = moved(staff, placed, "unship")
    assert moved(staff, placed, "unship").body == first.body
    second = moved(staff, placed, "unpack")
    for one in ("unpack", "unship"):
        assert moved(staff, placed, one).body == second.body


@pytest.mark.parametrize(
    ("way", "undo"),
    [
        ((), "unpack"),
        ((), "unship"),
        (("pack",), "unship"),
        (("pack", "ship"), "unpack"),
        (("pack", "ship", "deliver"), "unship"),
    ],
)
def test_only_the_last_move_is_undone(
    staff: Api, placed: Answer, way: tuple[str, ...], undo: str
) -> None:
    moved(staff, placed, *way)
    refused = move(staff, placed, undo)
    assert (refused.status, refused.body["code"]) == (409, "invalid_transition")
