"""Events of payment providers, with their signatures and formats."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import uuid4

import pytest

from larder.core import telemetry
from larder.db import database
from tests.conftest import Answer, Api
from tests.v1.moving import events, move
from tests.v1.paying import due, paid, record
from tests.v1.placing import place
from tests.v1.stripe_events import PI, Stripe, captured, charge, dispute, event, intent, refund

Product = Callable[..., int]

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("books_agree", "stripe"),
]


@pytest.mark.parametrize("sequence", list(permutations(range(3))))
def test_three_events_of_one_payment_count_once(
    stripe: Stripe, owner: Api, order: Answer, sequence: Sequence[int]
) -> None:
    sent = captured(order)
    outcomes = stripe.outcomes([sent[place] for place in sequence] + sent)
    assert outcomes == ["recorded", *["repeated"] * 5]
    assert paid(owner, order) == ("0.00", "paid")
    (row,) = owner("GET", f"orders/{order.body['id']}/payments").body["results"]
    assert (row["provider"], row["kind"], row["transaction_id"], row["intent"], row["amount"]) == (
        *("stripe", "captured", PI, PI, 1000),
    )
    assert row["actor"] == "00000000-0000-0000-0000-000000000000"
    assert [event["type"] for event in events(owner, order)] == ["placed", "payment"]


def test_an_intent_without_a_charge_is_the_same_payment(
    stripe: Stripe, owner: Api, order: Answer
) -> None:
    bare = intent("succeeded", order, amount_received=1000, latest_charge=None)
    sent = [event("payment_intent.succeeded", bare), event("charge.succeeded", charge(order))]
    assert stripe.outcomes(sent) == ["recorded", "repeated"]
    assert paid(owner, order) == ("0.00", "paid")


def test_an_authorisation_is_captured_in_part_and_ends(
    stripe: Stripe, owner: Api, order: Answer
) -> None:
    held = charge(order, captured=False, amount_captured=0)
    sent = [
        event("charge.succeeded", held),
        event(
            "payment_intent.amount_capturable_updated",
            intent("requires_capture", order, amount_capturable=1000),
        ),
    ]
    assert stripe.outcomes(sent) == ["recorded", "repeated"]
    assert paid(owner, order) == ("10.00", "authorised")
    partly = charge(order, amount_captured=600, amount_refunded=400)
    late = event("charge.expired", charge(order, captured=False))
    more = [event("charge.captured", partly), event("charge.refunded", partly), late]
    assert stripe.outcomes(more) == ["recorded", "ignored", "recorded"]
    assert paid(owner, order) == ("4.00", "part_paid")


def test_a_released_authorisation_leaves_the_order_unpaid(
    stripe: Stripe, owner: Api, order: Answer
) -> None:
    sent = [
        event("payment_intent.canceled", intent("canceled", order)),
        event("charge.succeeded", charge(order, captured=False, amount_captured=0)),
    ]
    assert stripe.outcomes(sent) == ["recorded", "recorded"]
    assert paid(owner, order) == ("10.00", "unpaid")


def test_a_failure_that_arrives_after_the_success_changes_nothing(
    stripe: Stripe, owner: Api, order: Answer
) -> None:
    failed = intent("requires_payment_method", order, latest_charge="ch_other")
    sent = [
        *captured(order),
        event("payment_intent.payment_failed", failed),
        event("charge.failed", charge(order, id="ch_other", captured=False)),
    ]
    assert stripe.outcomes(sent)[-2:] == ["recorded", "repeated"]
    assert paid(owner, order) == ("0.00", "paid")


def test_a_refund_settles_the_amount_due_and_a_failed_refund_restores_it(
    stripe: Stripe, customer: Api, owner: Api, order: Answer
) -> None:
    stripe.outcomes(captured(order))
    move(customer, order, "cancel")
    assert due(owner) == [(order.body["id"], 1000, "GBP")]
    steps = [
        event("refund.created", refund("pending")),
        event("refund.updated", refund("succeeded")),
        event("charge.refund.updated", refund("succeeded")),
    ]
    assert stripe.outcomes(steps) == ["ignored", "recorded", "repeated"]
    assert (due(owner), paid(owner, order)) == ([], ("0.00", "refunded"))
    failed = event("refund.failed", refund("failed"))
    assert stripe.outcomes([failed, failed, steps[1]]) == ["recorded", "repeated", "repeated"]
    assert due(owner) == [(order.body["id"], 1000, "GBP")]


def test_a_refund_that_arrives_before_its_payment_counts_with_it(
    stripe: Stripe, customer: Api, owner: Api, order: Answer
) -> None:
    early = event("refund.updated", refund("succeeded", 300))
    assert stripe.outcomes([early, early]) == ["unassigned", "repeated"]
    assert paid(owner, order) == ("10.00", "unpaid")
    assert stripe.outcomes([*captured(order), early]) == ["recorded", *["repeated"] * 3]
    assert paid(owner, order) == ("3.00", "part_refunded")
    path = f"orders/{order.body['id']}/payments?limit=1"
    first, second = (page for page in pages(customer, path))
    assert [event["kind"] for event in (*first, *second)] == ["refunded", "captured"]
    move(customer, order, "cancel")
    assert due(owner) == [(order.body["id"], 700, "GBP")]
    stripe.outcomes([event("refund.failed", refund("failed", 300))])
    assert due(owner) == [(order.body["id"], 1000, "GBP")]


def pages(api: Api, path: str) -> Iterator[list[dict[str, Any]]]:
    link = path
    while link:
        page = api("GET", link).body
        yield page["results"]
        link = (page["next"] or "").partition("/api/v1/")[2]


def test_a_payment_of_an_order_that_is_not_placed_yet_is_repeated(
    stripe: Stripe, customer: Api, owner: Api, product: Product
) -> None:
    id, jam = str(uuid4()), product(price="10.00")
    unplaced = Answer(0, {"id": id}, {})
    sent = captured(unplaced)
    assert set(stripe.outcomes(sent)) == {"payment_unmatched"}
    order = place(customer, (jam, 1), id=id)
    assert stripe.outcomes(sent) == ["recorded", "repeated", "repeated"]
    assert paid(owner, order) == ("0.00", "paid")


def test_a_payment_of_an_abandoned_order_is_a_refund_due(
    stripe: Stripe, customer: Api, owner: Api
) -> None:
    id = str(uuid4())
    customer("POST", "orders/abandon", {"id": id})
    assert stripe.outcomes(captured(Answer(0, {"id": id}, {})))[0] == "recorded"
    assert due(owner) == [(id, 1000, "GBP")]


@pytest.mark.parametrize("is_cart", [False, True])
def test_an_old_payment_of_an_unknown_order_is_kept_and_no_order_gets_its_id(
    stripe: Stripe, customer: Api, owner: Api, product: Product, is_cart: bool
) -> None:
    jam, id = product(), str(uuid4())
    if is_cart:
        id = customer("PUT", f"cart/lines/{jam}", {"quantity": 2}).body["id"]
    unplaced = Answer(0, {"id": id}, {})
    about = intent("succeeded", unplaced, amount_received=1000)
    old = event("payment_intent.succeeded", about, age=timedelta(days=2, minutes=1))
    assert stripe.outcomes([old, old]) == ["kept", "repeated"]
    assert due(owner) == [(id, 1000, "GBP")]
    assert place(customer, (jam, 1), id=id).status == 404
    if is_cart:
        submitted = customer("POST", "cart/submit", {})
        assert (submitted.status, submitted.body["id"] != id) == (201, True)


def test_events_of_other_systems_in_the_same_account_are_ignored(
    stripe: Stripe, order: Answer
) -> None:
    others = [
        *captured(None),
        event("customer.created", {"id": "cus_1", "email": "ada@example.com"}),
        event("payment_intent.created", intent("requires_payment_method", order)),
    ]
    assert stripe.outcomes(others) == ["ignored"] * 5
    assert database.rows("SELECT count(*) FROM payment") == [(0,)]


def test_refunds_of_other_systems_in_the_same_account_count_nowhere(
    stripe: Stripe, owner: Api, order: Answer
) -> None:
    stripe.outcomes(captured(order))
    back = refund("succeeded", payment_intent="pi_other", charge="ch_other")
    lost = dispute("lost") | {"payment_intent": "pi_third", "charge": "ch_third"}
    others = [event("refund.updated", back), event("charge.dispute.closed", lost)]
    assert stripe.outcomes(others) == ["unassigned"] * 2
    assert paid(owner, order) == ("0.00", "paid")
    assert len(owner("GET", f"orders/{order.body['id']}/payments").body["results"]) == 1


def test_an_intent_of_one_provider_is_not_that_of_another(
    stripe: Stripe, owner: Api, order: Answer
) -> None:
    assert record(owner, order, 400, intent=PI).status == 201
    assert stripe.outcomes([event("refund.updated", refund("succeeded", 300))]) == ["unassigned"]
    assert record(owner, order, 600, transaction_id="u").status == 201
    assert paid(owner, order) == ("0.00", "paid")
    rows = owner("GET", f"orders/{order.body['id']}/payments").body["results"]
    assert [row["transaction_id"] for row in rows] == ["t", "u"]


def test_an_event_with_an_invalid_order_id_is_refused(stripe: Stripe) -> None:
    wrong = intent("succeeded", None, amount_received=1000, metadata={"larder_order": "1042"})
    refused = stripe.send(event("payment_intent.succeeded", wrong))
    (fault,) = refused.body["errors"]
    assert (refused.status, fault["pointer"]) == (400, "/data/object/metadata/larder_order")


def test_a_dispute_and_an_inquiry(stripe: Stripe, owner: Api, order: Answer) -> None:
    stripe.outcomes(captured(order))
    inquiry = event("charge.dispute.created", dispute("warning_needs_response"))
    assert stripe.outcomes([inquiry]) == ["ignored"]
    assert paid(owner, order) == ("0.00", "paid")
    opened = [
        event("charge.dispute.created", dispute("needs_response")),
        event("charge.dispute.funds_withdrawn", dispute("needs_response")),
        event("charge.dispute.closed", dispute("lost")),
    ]
    assert stripe.outcomes(opened) == ["recorded", "repeated", "repeated"]
    assert paid(owner, order) == ("10.00", "disputed")
    won = [
        event("charge.dispute.closed", dispute("won")),
        event("charge.dispute.funds_reinstated", dispute("won")),
    ]
    assert stripe.outcomes(won) == ["recorded", "repeated"]
    assert paid(owner, order) == ("0.00", "paid")


def test_a_payment_in_another_currency_is_a_refund_due(
    stripe: Stripe, owner: Api, order: Answer
) -> None:
    in_yen = intent("succeeded", order, amount_received=1000, currency="jpy")
    assert stripe.outcomes([event("payment_intent.succeeded", in_yen)]) == ["recorded"]
    assert paid(owner, order) == ("10.00", "unpaid")
    assert due(owner) == [(order.body["id"], 1000, "JPY")]
    back = event("refund.updated", refund("succeeded", currency="jpy"))
    assert stripe.outcomes([back]) == ["recorded"]
    assert due(owner) == []


@pytest.mark.parametrize(
    ("currency", "sent", "units"),
    [("gbp", 1000, 1000), ("jpy", 1000, 1000), ("isk", 500, 5), ("ugx", 500, 5), ("mga", 5, 500)],
)
def test_amounts_are_in_the_minor_units_of_iso_4217(
    stripe: Stripe, order: Answer, currency: str, sent: int, units: int
) -> None:
    about = intent("succeeded", order, amount_received=sent, currency=currency)
    stripe.outcomes([event("payment_intent.succeeded", about)])
    assert database.rows("SELECT amount, currency FROM payment") == [(units, currency.upper())]


@pytest.mark.parametrize(
    "about",
    [
        {"amount_received": 2**70},
        {"amount_received": 10**15 + 1},
        {"amount_received": -1},
        {"amount_received": "1000"},
        {"currency": "pounds"},
        {"id": ""},
        {"id": "pi_\0"},
        {"id": 7},
    ],
)
def test_a_faulty_event_is_refused(stripe: Stripe, order: Answer, about: dict[str, Any]) -> None:
    faulty = intent("succeeded", order, **{"amount_received": 1000, **about})
    answer = stripe.send(event("payment_intent.succeeded", faulty))
    assert (answer.status, answer.body["code"]) == (400, "validation_error")


def test_an_event_may_have_any_text_where_larder_reads_nothing(
    stripe: Stripe, order: Answer
) -> None:
    noted = intent("succeeded", order, amount_received=1000, description="a\u202e\0b")
    assert stripe.outcomes([event("payment_intent.succeeded", noted)]) == ["recorded"]


def test_events_are_counted_by_outcome_and_leave_no_data_in_the_log(
    stripe: Stripe, order: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    telemetry.payments.clear()
    sent = [
        *captured(order)[:2],
        event("charge.captured", charge(order, amount_captured=1)),
        event("refund.updated", refund("succeeded", payment_intent="pi_other")),
        event("customer.created", {"id": "cus_1"}),
    ]
    stripe.outcomes(sent)
    stripe.send(sent[0], secret="wrong")
    expected = ("recorded", "repeated", "conflict", "unassigned", "ignored", "refused")
    assert list(telemetry.payments) == [("stripe", kind) for kind in expected]
    assert PI not in caplog.text
