"""Holds through the API: placed, confirmed, shown."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from larder.ops.books import invariants
from larder.orders.services.expire_holds import expire_holds
from tests.conftest import Answer, Api, Person
from tests.db.feeds import settle
from tests.orders.holding import pass_seconds

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
HOLD = {"required": True, "hold_seconds": 600}
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def till(person: MakePerson, as_: Callable[[Person], Api]) -> Api:
    """A program of the shop that may confirm orders."""
    return as_(person(is_staff=True, role="owner"))


def hold(who: Api, product: int, units: int = 2, **payment: Any) -> Answer:
    """Places an order that awaits its payment."""
    body = {"lines": [{"product": product, "quantity": units}], "payment": HOLD | payment}
    return who("POST", "orders", body)


def confirm(who: Api, order: Answer, **headers: str) -> Answer:
    return who("POST", f"orders/{order.body['id']}/confirm", {}, **headers)


def test_a_hold_is_pending_and_has_its_expiry(customer: Api, product: MakeProduct) -> None:
    jam = product(stock=5)
    held = hold(customer, jam)
    assert (held.status, held.body["status"]) == (201, "pending")
    assert held.body["payment"] == {"required": True, "state": "unpaid"}
    end = datetime.fromisoformat(held.body["expires_at"])
    assert 590 < (end - datetime.now(UTC)).total_seconds() <= 600
    assert customer("GET", f"products/{jam}").body["quantity"] == 3
    read = customer("GET", held.headers["Location"])
    assert (read.body, read.headers["ETag"]) == (held.body, held.headers["ETag"])


def test_an_order_without_a_hold_does_not_wait_for_a_payment(
    customer: Api, product: MakeProduct
) -> None:
    jam = product(stock=9)
    for payment in (None, {"required": False}, {"required": False, "hold_seconds": 5}):
        line = {"product": jam, "quantity": 1}
        placed = customer("POST", "orders", {"lines": [line], "payment": payment}).body
        assert (placed["status"], placed["expires_at"]) == ("placed", None)
        assert placed["payment"] == {"required": False, "state": "unpaid"}


def test_a_hold_lasts_as_long_as_the_shop_allows(
    customer: Api, product: MakeProduct, settings: Any
) -> None:
    settings.HOLD_SECONDS = 30
    jam = product(stock=9)
    default = hold(customer, jam, hold_seconds=None)
    end = datetime.fromisoformat(default.body["expires_at"])
    assert 20 < (end - datetime.now(UTC)).total_seconds() <= 30
    refused = hold(customer, jam, hold_seconds=3601)
    assert refused.status == 400
    assert [(fault["pointer"], fault["code"]) for fault in refused.body["errors"]] == [
        ("/payment/hold_seconds", "out_of_range")
    ]
    assert hold(customer, jam, hold_seconds=0).status == 400


def test_a_repeated_confirmation_returns_the_placed_order(
    customer: Api, till: Api, product: MakeProduct
) -> None:
    held = hold(customer, product(stock=5))
    confirmed = confirm(till, held, Idempotency_Key="k1")
    assert (confirmed.status, confirmed.body["status"]) == (200, "placed")
    assert confirmed.body["expires_at"] is None
    assert confirmed.body["payment"] == {"required": True, "state": "unpaid"}
    assert confirmed.body == customer("GET", held.headers["Location"]).body
    again, keyed = confirm(till, held), confirm(till, held, Idempotency_Key="k1")
    assert again.body == keyed.body == confirmed.body
    assert "Idempotency-Replayed" not in again.headers
    assert keyed.headers["Idempotency-Replayed"] == "true"


def test_an_expired_hold_is_shown_in_all_answers(
    customer: Api, till: Api, person: MakePerson, as_: Callable[[Person], Api], product: MakeProduct
) -> None:
    jam = product(stock=2)
    held = hold(customer, jam)
    settle()
    since = customer("GET", "orders/changes").body["since"]
    shelf = customer("GET", "products/changes").body["since"]
    pass_seconds(600, [held.body["id"]])
    expired = customer("GET", held.headers["Location"])
    assert expired.body["status"] == "expired"
    assert expired.headers["ETag"] != held.headers["ETag"]
    assert expire_holds(now=datetime.now(UTC), limit=10) == 1
    settle()
    (changed,) = customer("GET", f"orders/changes?since={since}").body["results"]
    assert (changed["id"], changed["status"]) == (held.body["id"], "expired")
    (shown,) = customer("GET", f"products/changes?since={shelf}").body["results"]
    assert (shown["id"], shown["quantity"]) == (jam, 2)
    assert len(customer("GET", "orders?status=expired").body["results"]) == 1
    types = [
        event["type"]
        for event in customer("GET", f"{held.headers['Location']}/events").body["results"]
    ]
    assert types == ["held", "expired"]
    other = as_(person())
    bought = other("POST", "orders", {"lines": [{"product": jam, "quantity": 1}]})
    assert bought.status == 201
    refused = confirm(till, held)
    assert (refused.status, refused.body["code"]) == (409, "hold_expired")
    line = {"code": "hold_expired", "product": jam, "requested": 2, "available": 1}
    assert refused.body["lines"] == [line]
    causes = [entry["cause"] for entry in till("GET", f"products/{jam}/ledger").body["results"]]
    assert causes[::-1] == ["opening", "hold", "release", "order"]
    assert invariants.check().violated == []


def test_own_orders_of_a_shop_that_needs_payment_are_pending(
    customer: Api, product: MakeProduct, settings: Any
) -> None:
    settings.ORDERS_NEED_PAYMENT = True
    settings.QUOTA_UNPAID_UNITS = 40
    jam = product(stock=50)
    body = {"lines": [{"product": jam, "quantity": 4}], "payment": {"required": False}}
    assert customer("POST", "orders", body).body["status"] == "pending"
    refused = customer("POST", "orders", body)
    assert (refused.status, refused.body["code"]) == (409, "unpaid_limit")
    assert [refused.body[name] for name in ("limit", "unpaid", "requested")] == [4, 4, 4]
