"""The carrier and the tracking number of an order, given in shipping and corrected later."""

from collections.abc import Callable

import pytest

from larder.ops.books import invariants
from larder.orders.models import Order
from tests.conftest import Answer, Api
from tests.db.feeds import settle
from tests.v1.moving import events, move, moved
from tests.v1.placing import place

Product = Callable[..., int]
pytestmark = pytest.mark.django_db(transaction=True)

POST = {"carrier": "Royal Mail", "tracking_number": "AB123456785GB"}
OTHER = {"carrier": "DHL", "tracking_number": "00340434161094015902"}
UNKNOWN = {"carrier": None, "tracking_number": None}


@pytest.fixture
def packed(customer: Api, staff: Api, product: Product) -> Answer:
    return moved(staff, place(customer, (product(stock=9), 4)), "pack")


def tracking(answer: Answer) -> dict[str, str | None]:
    assert answer.status == 200, answer.body
    return {name: answer.body[name] for name in POST}


def test_an_order_shows_carrier_and_number_once_it_is_shipped(
    customer: Api, staff: Api, packed: Answer
) -> None:
    assert tracking(packed) == UNKNOWN
    shipped = move(staff, packed, "ship", POST)
    assert tracking(shipped) == POST
    path = f"orders/{packed.body['id']}"
    assert customer("GET", path).body == shipped.body
    assert customer("GET", "orders").body["results"] == [shipped.body]
    last = events(customer, packed)[-1]
    assert (last["type"], last["data"]) == ("shipped", POST)


def test_the_feed_has_a_corrected_number(customer: Api, staff: Api, packed: Answer) -> None:
    move(staff, packed, "ship", POST)
    settle()
    since = customer("GET", "orders/changes").body["since"]
    corrected = move(staff, packed, "track", OTHER)
    settle()
    assert customer("GET", f"orders/changes?since={since}").body["results"] == [corrected.body]


def test_a_correction_is_an_event_with_both_values_and_moves_no_stock(
    customer: Api, staff: Api, packed: Answer
) -> None:
    move(staff, packed, "ship", POST)
    moved(staff, packed, "deliver")
    corrected = move(staff, packed, "track", {**POST, "carrier": "DHL"})
    assert tracking(corrected) == {**POST, "carrier": "DHL"}
    last = events(customer, packed)[-1]
    assert (last["type"], last["from"], last["to"]) == ("tracked", "delivered", "delivered")
    assert last["data"] == {"before": {"carrier": "Royal Mail"}, "after": {"carrier": "DHL"}}
    assert tracking(move(staff, packed, "track", UNKNOWN)) == UNKNOWN
    assert invariants.check().violated == []


def test_a_repeated_correction_changes_nothing(customer: Api, staff: Api, packed: Answer) -> None:
    move(staff, packed, "ship", POST)
    first, second = (move(staff, packed, "track", OTHER) for _ in range(2))
    assert first.body == second.body
    assert len(events(customer, packed)) == 4


def test_shipping_repeats_with_the_same_values_or_without_them(staff: Api, packed: Answer) -> None:
    move(staff, packed, "ship", POST)
    move(staff, packed, "track", OTHER)
    assert tracking(move(staff, packed, "ship", POST)) == OTHER
    assert tracking(move(staff, packed, "ship")) == OTHER
    refused = move(staff, packed, "ship", OTHER)
    assert (refused.status, refused.body["code"]) == (409, "conflicting_repeat")
    assert {name: refused.body[name] for name in POST} == POST


def test_a_key_of_shipping_without_values_is_still_the_same_request(
    staff: Api, packed: Answer
) -> None:
    key = {"Idempotency-Key": "one"}
    move(staff, packed, "ship", {}, **key)
    again = move(staff, packed, "ship", None, **key)
    assert (again.status, again.headers["Idempotency-Replayed"]) == (200, "true")
    assert move(staff, packed, "ship", POST, **key).status == 422


def test_undoing_shipping_removes_the_number(staff: Api, packed: Answer) -> None:
    move(staff, packed, "ship", POST)
    assert tracking(moved(staff, packed, "unship")) == UNKNOWN
    again = move(staff, packed, "ship", OTHER, **{"Idempotency-Key": "two"})
    assert tracking(again) == OTHER


def test_a_key_that_found_the_values_does_not_bring_them_back(staff: Api, packed: Answer) -> None:
    key = {"Idempotency-Key": "one"}
    move(staff, packed, "ship", POST)
    move(staff, packed, "track", POST, **key)
    move(staff, packed, "track", OTHER)
    again = move(staff, packed, "track", POST, **key)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert tracking(again) == OTHER
    assert invariants.check().violated == []


def test_shipping_removes_what_a_server_of_an_earlier_version_left(
    staff: Api, packed: Answer
) -> None:
    """When it unships an order it leaves the values, which it does not know."""
    Order.objects.filter(pk=packed.body["id"]).update(**POST)
    assert tracking(move(staff, packed, "ship")) == UNKNOWN


def test_an_order_that_is_not_shipped_gets_no_number(staff: Api, packed: Answer) -> None:
    refused = move(staff, packed, "track", POST)
    assert (refused.status, refused.body["code"]) == (409, "invalid_transition")


@pytest.mark.parametrize(
    "text", ["", " AB", "A\u200bB", "A\u202eB", "A\nB", "A" * 65], ids=lambda text: repr(text)[:9]
)
@pytest.mark.parametrize("field", sorted(POST))
def test_texts_that_are_no_code_are_refused(
    staff: Api, packed: Answer, field: str, text: str
) -> None:
    for name in ("ship", "track"):
        refused = move(staff, packed, name, {**POST, field: text})
        assert refused.status == 400
        assert [fault["pointer"] for fault in refused.body["errors"]] == [f"/{field}"]
    assert tracking(staff("GET", f"orders/{packed.body['id']}")) == UNKNOWN
