"""Records of payments: the payment state of an order and the refunds that are due."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission

from larder.core.clock import now
from larder.db import database
from larder.orders.models import RefundDue
from larder.orders.services import payments
from larder.orders.services.expire_holds import expire_holds
from tests.conftest import Answer, Api, Person
from tests.v1.moving import events, move, moved
from tests.v1.paying import due, paid, record
from tests.v1.placing import place
from tests.v1.reading import answers
from tests.v1.stripe_events import Stripe, captured, charge, event

Product = Callable[..., int]
As = Callable[[Person], Api]
MakePerson = Callable[..., Person]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_agree")]


def test_an_order_without_payments_is_unpaid(customer: Api, order: Answer) -> None:
    assert (order.body["amount_due"], order.body["payment"]) == (
        "10.00",
        {"required": False, "state": "unpaid"},
    )
    assert paid(customer, order) == ("10.00", "unpaid")


def test_a_record_changes_due_state_version_events_and_feed(
    customer: Api, owner: Api, order: Answer
) -> None:
    _, since = answers(customer)
    answer = record(owner, order, 400, intent="i", at="2026-11-26T09:00:00Z")
    assert answer.status == 201
    assert answer.body["at"] == "2026-11-26T09:00:00Z"
    assert paid(customer, order) == ("6.00", "part_paid")
    assert record(owner, order, 600, transaction_id="u").status == 201
    assert paid(customer, order) == ("0.00", "paid")
    (changed,), _ = answers(customer, since)
    assert changed["version"] == order.body["version"] + 2
    last = events(customer, order)[-1]
    assert (last["type"], last["from"], last["to"]) == ("payment", "placed", "placed")
    assert last["data"]["payment"] == {
        "provider": "cash",
        "kind": "captured",
        "transaction_id": "u",
        "amount": 600,
        "currency": "GBP",
    }
    page = customer("GET", f"orders/{order.body['id']}/payments?limit=1").body
    assert page["results"] == [answer.body]
    following = customer("GET", page["next"].partition("/api/v1/")[2]).body
    assert [row["amount"] for row in following["results"]] == [600]
    assert following["next"] is None


def test_the_same_movement_is_one_record_and_another_amount_a_conflict(
    owner: Api, order: Answer
) -> None:
    first = record(owner, order, 400)
    again = record(owner, order, 400)
    assert (first.status, again.status) == (201, 200)
    assert first.body == again.body
    other = record(owner, order, 500)
    assert (other.status, other.body["code"]) == (409, "payment_conflict")
    assert (other.body["differs"], other.body["amount"]) == (["amount"], 400)
    foreign = record(owner, order, 500, currency="EUR").body
    assert (foreign["code"], foreign["differs"]) == ("payment_conflict", ["amount", "currency"])
    assert foreign["currency"] == "GBP"
    assert paid(owner, order) == ("6.00", "part_paid")
    # An authorisation and its capture may have one id.
    assert record(owner, order, 400, "authorised").status == 201
    by_bank = [record(owner, order, 400, provider="bank") for _ in range(2)]
    assert [reply.status for reply in by_bank] == [201, 200]
    assert by_bank[0].body == by_bank[1].body
    assert paid(owner, order) == ("2.00", "part_paid")


def test_the_same_movement_of_another_order_is_a_conflict(
    customer: Api, owner: Api, order: Answer, product: Product
) -> None:
    other = place(customer, (product(), 1))
    assert record(owner, order, 400).status == 201
    conflict = record(owner, other, 300).body
    assert (conflict["code"], conflict["differs"]) == ("payment_conflict", ["order", "amount"])
    assert (conflict["order"], conflict["amount"]) == (order.body["id"], 400)
    assert customer("GET", f"orders/{other.body['id']}/payments").body["results"] == []


def test_a_conflict_names_the_other_order_only_to_those_who_may_see_it(
    customer: Api, owner: Api, order: Answer, person: MakePerson, as_: As
) -> None:
    clerk = person(is_staff=True, role=None)
    other = place(customer, (order.body["lines"][0]["product"], 1))
    may = Permission.objects.filter(codename="record_payment")
    clerk.customer.user_permissions.set(may)
    assert record(owner, order, 400).status == 201
    refused = record(as_(clerk), other, 400).body
    assert (refused["code"], refused["differs"]) == ("payment_conflict", ["order"])
    assert "order" not in refused


def test_staff_add_no_payment_to_an_order_with_the_most_and_a_provider_does(
    owner: Api, order: Answer, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payments, "MAX_PAYMENTS", 1)
    assert record(owner, order, 400).status == 201
    refused = record(owner, order, 100, transaction_id="u")
    assert (refused.status, refused.body["code"]) == (409, "too_many_payments")
    assert refused.body["limit"] == 1
    foreign = record(owner, order, 100, transaction_id="u", currency="EUR")
    assert (foreign.status, foreign.body["code"]) == (400, "validation_error")
    (fault,) = foreign.body["errors"]
    assert (fault["pointer"], foreign.body["limit"]) == ("/currency", 1)
    assert (record(owner, order, 400).status, paid(owner, order)) == (200, ("6.00", "part_paid"))
    assert stripe.outcomes(captured(order)[:1]) == ["recorded"]


def test_a_cancelled_order_that_was_paid_is_refunded(
    customer: Api, owner: Api, order: Answer
) -> None:
    record(owner, order, 1000)
    assert move(customer, order, "cancel").status == 200
    id = order.body["id"]
    assert due(owner) == [(id, 1000, "GBP")]
    assert paid(customer, order) == ("0.00", "overpaid")
    record(owner, order, 300, "refunded", transaction_id="r")
    assert due(owner) == [(id, 700, "GBP")]
    record(owner, order, 700, "refunded", transaction_id="s")
    assert (due(owner), paid(customer, order)) == ([], ("0.00", "refunded"))
    record(owner, order, 700, "refund_failed", transaction_id="s")
    assert due(owner) == [(id, 700, "GBP")]


def by_hand(api: Api, order: Answer, amount: int, kind: str, **other: Any) -> Answer:
    """Records money that staff took or gave themselves."""
    headers = {"Idempotency_Key": other.pop("key")} if "key" in other else {}
    body = {"provider": "cash", "kind": kind, "amount": amount, "currency": "GBP", **other}
    return api("POST", f"orders/{order.body['id']}/payments", body, **headers)


def test_money_that_staff_took_is_booked_once_for_a_key(
    customer: Api, owner: Api, order: Answer
) -> None:
    texts = {"reference": "receipt 7", "note": "paid at the door"}
    first, again = (by_hand(owner, order, 1000, "captured", key="once", **texts) for _ in range(2))
    assert (first.status, again.status, again.body) == (201, 201, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"
    reused = by_hand(owner, order, 1000, "captured", key="once", provider="transfer")
    assert reused.body["code"] == "idempotency_key_reused"
    assert paid(customer, order) == ("0.00", "paid")
    shown = customer("GET", f"orders/{order.body['id']}/payments").body["results"]
    assert shown == [first.body]
    assert texts.items() <= first.body.items()
    assert events(customer, order)[-1]["data"]["payment"]["reference"] == "receipt 7"
    other = [by_hand(owner, order, 5, "captured") for _ in range(2)]
    assert other[0].body["transaction_id"] != other[1].body["transaction_id"]


def test_staff_refund_no_more_than_is_due(customer: Api, owner: Api, order: Answer) -> None:
    def refused(amount: int, currency: str = "GBP") -> tuple[Any, ...]:
        answer = by_hand(owner, order, amount, "refunded", currency=currency)
        return tuple(answer.body.get(name) for name in ("status", "code", "due"))

    by_hand(owner, order, 1000, "captured")
    assert refused(1) == (409, "refund_exceeds_due", 0)
    move(customer, order, "cancel")
    assert refused(1001) == (409, "refund_exceeds_due", 1000)
    assert refused(1, "EUR") == (400, "validation_error", 0)
    for left in (999, 0):
        amount = 1 if left else 999
        assert by_hand(owner, order, amount, "refunded", key=str(left)).status == 201
        assert by_hand(owner, order, amount, "refunded", key=str(left)).status == 201
        assert due(owner) == [(order.body["id"], left, "GBP")][: bool(left)]
    assert paid(customer, order) == ("0.00", "refunded")
    # What a provider has already paid back is never refused.
    assert record(owner, order, 5, "refunded").status == 201


def test_what_is_due_in_another_currency_is_refunded_in_it(
    owner: Api, order: Answer, stripe: Stripe
) -> None:
    assert stripe.outcomes([event("charge.succeeded", charge(order, currency="eur"))])
    (row,) = owner("GET", "refunds-due").body["results"]
    assert row["currency"] == "EUR"
    settled = by_hand(owner, order, row["amount"], "refunded", currency="EUR")
    assert (settled.status, due(owner)) == (201, [])


def test_a_refund_is_due_since_its_first_payment_in_excess(owner: Api, order: Answer) -> None:
    """Otherwise each payment would make an old debt new, and no alert would name it."""
    record(owner, order, 1050)
    (first,) = owner("GET", "refunds-due").body["results"]
    record(owner, order, 20, transaction_id="second")
    (second,) = owner("GET", "refunds-due").body["results"]
    assert second == first | {"amount": 70}


def test_a_cheaper_order_makes_a_refund_due_and_a_dearer_one_settles_it(
    customer: Api, owner: Api, order: Answer
) -> None:
    record(owner, order, 1000)
    (line,) = order.body["lines"]
    lines = [{"product": line["product"], "quantity": 3}]
    assert customer("PATCH", f"orders/{order.body['id']}", {"lines": lines}).status == 200
    assert due(owner) == [(order.body["id"], 250, "GBP")]
    lines[0]["quantity"] = 5
    assert customer("PATCH", f"orders/{order.body['id']}", {"lines": lines}).status == 200
    assert (due(owner), paid(customer, order)) == ([], ("2.50", "part_paid"))


def test_units_not_picked_and_returned_units_are_refunded_exactly(
    customer: Api, owner: Api, product: Product
) -> None:
    """The fractions of a penny are rounded once, in the sum."""
    jam = product(price="0.333", stock=9)
    order = place(customer, (jam, 9))
    assert order.body["amount_due"] == "3.00"
    record(owner, order, 300)
    move(owner, order, "pack", {"lines": [{"product": jam, "quantity": 7}]})
    assert due(owner) == [(order.body["id"], 67, "GBP")]
    moved(owner, order, "ship")
    for units, sum_due in ((1, 100), (1, 133), (5, 300)):
        back = {"lines": [{"product": jam, "quantity": units}], "reason": "broken"}
        assert move(owner, order, "return", back).status == 200
        assert due(owner) == [(order.body["id"], sum_due, "GBP")]


def test_a_payment_of_a_hold_that_expired_is_a_refund_due(
    customer: Api, owner: Api, product: Product
) -> None:
    jam = product(price="5.00", stock=2)
    held = place(customer, (jam, 2), payment={"required": True})
    assert held.body["payment"] == {"required": True, "state": "unpaid"}
    record(owner, held, 400)
    assert due(owner) == []
    database.execute("UPDATE \"order\" SET expires_at = now() - interval '1 s'")
    database.execute("UPDATE held_line SET expires_at = now() - interval '1 s'")
    database.execute("UPDATE stock SET next_expiry = now() - interval '1 s'")
    assert expire_holds(now=now(), limit=10) == 1
    assert due(owner) == [(held.body["id"], 400, "GBP")]
    other = place(customer, (jam, 1))
    record(owner, held, 600, transaction_id="u")
    assert due(owner) == [(held.body["id"], 1000, "GBP")]
    move(customer, other, "cancel")
    assert move(owner, held, "confirm").status == 200
    assert due(owner) == []


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("amount", 0, "out_of_range"),
        ("amount", -5, "out_of_range"),
        ("amount", 10**15 + 1, "out_of_range"),
        ("amount", 2**70, "out_of_range"),
        ("amount", 1.5, "wrong_type"),
        ("currency", "EUR", "unknown_value"),
        ("currency", "gbp", "invalid_format"),
        ("kind", "paid", "invalid_format"),
        ("provider", "Stripe", "invalid_format"),
        ("provider", "stripe", "unknown_value"),
        ("provider", "signed", "unknown_value"),
        ("transaction_id", "", "too_short"),
        ("transaction_id", "a b", "invalid_format"),
    ],
)
def test_a_faulty_record_is_refused(
    owner: Api, order: Answer, field: str, value: Any, code: str
) -> None:
    refused = record(owner, order, **{"amount": 5, field: value})
    (fault,) = refused.body["errors"]
    assert refused.status == 400
    assert (fault["pointer"], fault["code"]) in {(f"/{field}", code), ("", code)}


def test_a_payment_of_an_unknown_order_or_a_cart_is_refused(
    customer: Api, owner: Api, product: Product
) -> None:
    cart = customer("PUT", f"cart/lines/{product()}", {"quantity": 1})
    for id in (cart.body["id"], str(uuid4())):
        cart.body["id"] = id
        assert record(owner, cart, 5).status == 404


def test_a_payment_with_an_abandoned_id_is_a_refund_due(
    customer: Api, owner: Api, order: Answer
) -> None:
    id = str(uuid4())
    assert customer("POST", "orders/abandon", {"id": id}).body["outcome"] == "abandoned"
    order.body["id"] = id
    assert record(owner, order, 700).status == 201
    assert record(owner, order, 200, transaction_id="u").status == 201
    assert due(owner) == [(id, 900, "GBP")]
    assert len(owner("GET", f"orders/{id}/payments").body["results"]) == 2
    assert customer("GET", f"orders/{id}/payments").status == 404
    record(owner, order, 900, "refunded", transaction_id="r")
    assert due(owner) == []


@pytest.mark.parametrize("of_one_time", [False, True])
def test_refunds_are_listed_by_age_in_pages(
    customer: Api, owner: Api, product: Product, of_one_time: bool
) -> None:
    jam, orders = product(), []
    for n in range(3):
        placed = place(customer, (jam, 1))
        record(owner, placed, 10_000 + n, transaction_id=f"t{n}")
        orders.append(placed.body["id"])
    if of_one_time:
        RefundDue.objects.update(since=now())
    path, owed = "refunds-due?limit=2", []
    while path:
        page = owner("GET", path).body
        owed += [row["order"] for row in page["results"]]
        path = page["next"].partition("/api/v1/")[2] if page["next"] else ""
    assert owed == orders
