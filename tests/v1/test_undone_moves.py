"""Packing and shipping that staff undo, and late repeats of what was undone."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group

from larder.ops.books import invariants
from tests.conftest import Answer, Api, Person
from tests.v1.moving import As, causes, events, move, moved, returning, stock
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


def test_an_order_whose_packing_was_undone_sells_no_units_at_a_former_price(
    customer: Api, staff: Api, placed: Answer, tea: int, product: Product
) -> None:
    def wanting(units: int, *others: dict[str, int]) -> dict[str, Any]:
        return {"lines": [{"product": tea, "quantity": units}, *others]}

    url = placed.headers["Location"]
    moved(staff, placed, "pack", "ship", "unship", "unpack")
    assert customer("PATCH", url, wanting(5)).status == 200
    staff("PATCH", f"products/{tea}", {"price": "1.51"})
    refused = customer("PATCH", url, wanting(6))
    assert (refused.status, refused.body["code"]) == (409, "order_rule")
    line = refused.body["lines"][0]
    assert (line["product"], line["requested"], line["max_per_order"]) == (tea, 6, 5)
    new = {"product": product(), "quantity": 1}
    fewer = customer("PATCH", url, wanting(4, new))
    assert [line["quantity"] for line in fewer.body["lines"]] == [4, 1]
    assert staff("PATCH", url, wanting(5)).body["lines"][0]["unit_price"] == "1.50"
    assert invariants.check().violated == []


def test_an_order_whose_packing_was_undone_sells_no_units_in_a_former_currency(
    customer: Api, staff: Api, placed: Answer, tea: int, settings: Any
) -> None:
    moved(staff, placed, "pack", "unpack")
    staff("PATCH", f"products/{tea}", {"price": "0.90"})
    more = {"lines": [{"product": tea, "quantity": 5}]}
    settings.CURRENCY = "EUR"
    assert customer("PATCH", placed.headers["Location"], more).body["code"] == "order_rule"
    settings.CURRENCY = "GBP"
    assert customer("PATCH", placed.headers["Location"], more).status == 200


def test_the_role_that_undoes_packing_cannot_add_units_to_its_own_order_at_a_former_price(
    person: Callable[..., Person], as_: As, staff: Api, tea: int
) -> None:
    clerk = person(is_staff=True)
    clerk.customer.groups.set(Group.objects.filter(name="warehouse"))
    warehouse = as_(clerk)
    placed = place(warehouse, (tea, 4))
    staff("PATCH", f"products/{tea}", {"price": "3.00"})
    moved(warehouse, placed, "pack", "unpack")
    more = {"lines": [{"product": tea, "quantity": 5}]}
    assert warehouse("PATCH", placed.headers["Location"], more).body["code"] == "order_rule"


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
    for step in way:
        known = {} if step != again else key
        named = {"If_Match": order.headers["ETag"]} if " " in step else known
        order = move(staff, placed, step.split()[0], **named)
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
    first = moved(staff, placed, *way)
    answer = move(staff, placed, again, **key)
    assert (answer.status, answer.body) == (200, first.body)
    order = move(staff, placed, back, If_Match=first.headers["ETag"])
    before = stock(tea)
    repeated = move(staff, placed, again, **key)
    assert (repeated.status, repeated.headers["Idempotency-Replayed"]) == (200, "true")
    assert (stock(tea), repeated.body) == (before, order.body)


@pytest.mark.parametrize("named", ["If_Match", "Idempotency_Key"])
def test_what_was_undone_is_made_again_with_a_version_or_a_new_key(
    staff: Api, placed: Answer, tea: int, named: str
) -> None:
    order = moved(staff, placed, "pack", "ship", "unship", "unpack")
    for name in ("pack", "ship"):
        value = {"If_Match": order.headers["ETag"], "Idempotency_Key": "another"}[named]
        order = move(staff, placed, name, **{named: value})
        assert order.status == 200
    assert (order.body["status"], stock(tea)) == ("shipped", (5, 0))
    assert moved(staff, placed, "pack", "ship", "deliver").body["status"] == "delivered"
    assert invariants.check().violated == []


def test_a_repeat_of_undoing_is_answered_again(staff: Api, placed: Answer) -> None:
    moved(staff, placed, "pack", "ship")
    first = moved(staff, placed, "unship")
    assert moved(staff, placed, "unship").body == first.body
    second = moved(staff, placed, "unpack")
    for name in ("unpack", "unship"):
        assert moved(staff, placed, name).body == second.body


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
