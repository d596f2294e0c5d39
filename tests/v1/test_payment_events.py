"""Events of payment providers, with their signatures and formats."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from uuid import uuid4

import pytest

from larder.core import telemetry
from larder.core.limits import MAX_SIGNED_BODY_BYTES
from larder.db import database
from larder.ops import invariants
from larder.v1.payment_providers.signature import TOLERANCE_SECONDS, sign
from tests.conftest import Answer, Api, Person
from tests.v1.test_moves import events, move
from tests.v1.test_orders import place
from tests.v1.test_payments import due, paid

Product = Callable[..., int]
As = Callable[[Person], Api]

pytestmark = pytest.mark.django_db(transaction=True)

SECRET, FORMER = "whsec_present_one_of_the_test", "whsec_former_one_of_the_test"
STRIPE, SIGNED = "payments/providers/stripe", "payments/providers/signed"
PI, CHARGE = "pi_3PBv2L2eZvKYlo2C1", "ch_3PBv2L2eZvKYlo2C1"


@pytest.fixture(autouse=True)
def _secrets(settings: Any, transactional_db: None) -> Iterator[None]:
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET, FORMER]
    settings.SIGNED_PAYMENT_SECRETS = ["another secret"]
    yield
    assert invariants.check().violated == []


@pytest.fixture
def staff(person: Callable[..., Person], as_: As) -> Api:
    """A member of staff with all permissions."""
    return as_(person(is_staff=True, role="owner"))


@pytest.fixture
def order(customer: Api, product: Product) -> Answer:
    """An order of 4 units for 10.00."""
    return place(customer, (product(price="2.50", stock=9), 4))


class Stripe:
    """Sends the events of one account to the shop."""

    def __init__(self, api: Api) -> None:
        self.api = api

    def send(
        self, event: dict[str, Any], *, secret: str = SECRET, at: datetime | None = None
    ) -> Answer:
        raw = json.dumps(event).encode()
        header = sign(raw, secret=secret, at=at or datetime.now(UTC))
        return self.api("POST", STRIPE, raw, Stripe_Signature=header)

    def outcomes(self, sent: Sequence[dict[str, Any]]) -> list[str]:
        answers = [self.send(event) for event in sent]
        return [one.body.get("outcome") or one.body["code"] for one in answers]


@pytest.fixture
def stripe(api: Api) -> Stripe:
    return Stripe(api)


def event(type: str, about: dict[str, Any], *, age: timedelta = timedelta()) -> dict[str, Any]:
    created = int((datetime.now(UTC) - age).timestamp())
    about = {"currency": "gbp", "livemode": False, **about}
    return {
        "id": f"evt_{uuid4().hex}",
        "object": "event",
        "api_version": "2024-10-28.acacia",
        "created": created,
        "type": type,
        "data": {"object": about, "previous_attributes": {}},
    }


def intent(status: str, order: Answer | None, **about: Any) -> dict[str, Any]:
    metadata = {} if order is None else {"larder_order": order.body["id"]}
    named = {"id": PI, "object": "payment_intent", "status": status, "metadata": metadata}
    return {**named, "amount": 1000, "latest_charge": CHARGE, **about}


def charge(order: Answer | None, **about: Any) -> dict[str, Any]:
    metadata = {} if order is None else {"larder_order": order.body["id"]}
    named = {"id": CHARGE, "object": "charge", "payment_intent": PI, "metadata": metadata}
    sums = {"amount": 1000, "amount_captured": 1000, "captured": True, "amount_refunded": 0}
    return {**named, **sums, **about}


def refund(status: str, amount: int = 1000, id: str = "re_1", **about: Any) -> dict[str, Any]:
    named = {"id": id, "object": "refund", "status": status, "amount": amount, "metadata": {}}
    return {**named, "charge": CHARGE, "payment_intent": PI, **about}


def dispute(status: str, amount: int = 1000) -> dict[str, Any]:
    named = {"id": "dp_1", "object": "dispute", "status": status, "amount": amount}
    return {**named, "metadata": {}, "charge": CHARGE, "payment_intent": PI}


def captured(order: Answer | None) -> list[dict[str, Any]]:
    """The three events about one captured payment."""
    return [
        event("charge.succeeded", charge(order)),
        event("payment_intent.succeeded", intent("succeeded", order, amount_received=1000)),
        event("charge.captured", charge(order)),
    ]


@pytest.mark.parametrize("sequence", list(permutations(range(3))))
def test_three_events_of_one_payment_count_once(
    stripe: Stripe, staff: Api, order: Answer, sequence: Sequence[int]
) -> None:
    sent = captured(order)
    found = stripe.outcomes([sent[one] for one in sequence] + sent)
    assert found == ["recorded", *["repeated"] * 5]
    assert paid(staff, order) == ("0.00", "paid")
    (row,) = staff("GET", f"orders/{order.body['id']}/payments").body["results"]
    assert (row["provider"], row["kind"], row["transaction_id"], row["intent"], row["amount"]) == (
        *("stripe", "captured", PI, PI, 1000),
    )
    assert row["actor"] == "00000000-0000-0000-0000-000000000000"
    assert [one["type"] for one in events(staff, order)] == ["placed", "payment"]


def test_an_intent_without_a_charge_is_the_same_payment(
    stripe: Stripe, staff: Api, order: Answer
) -> None:
    bare = intent("succeeded", order, amount_received=1000, latest_charge=None)
    expanded = charge(order, payment_intent={"id": PI, "object": "payment_intent"})
    sent = [event("payment_intent.succeeded", bare), event("charge.succeeded", expanded)]
    assert stripe.outcomes(sent) == ["recorded", "repeated"]
    assert paid(staff, order) == ("0.00", "paid")


def test_an_authorisation_is_captured_in_part_and_ends(
    stripe: Stripe, staff: Api, order: Answer
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
    assert paid(staff, order) == ("10.00", "authorised")
    partly = charge(order, amount_captured=600, amount_refunded=400)
    late = event("charge.expired", charge(order, captured=False))
    more = [event("charge.captured", partly), event("charge.refunded", partly), late]
    assert stripe.outcomes(more) == ["recorded", "ignored", "recorded"]
    assert paid(staff, order) == ("4.00", "part_paid")


def test_a_released_authorisation_leaves_the_order_unpaid(
    stripe: Stripe, staff: Api, order: Answer
) -> None:
    sent = [
        event("payment_intent.canceled", intent("canceled", order)),
        event("charge.succeeded", charge(order, captured=False, amount_captured=0)),
    ]
    assert stripe.outcomes(sent) == ["recorded", "recorded"]
    assert paid(staff, order) == ("10.00", "unpaid")


def test_a_failure_that_arrives_after_the_success_changes_nothing(
    stripe: Stripe, staff: Api, order: Answer
) -> None:
    failed = intent("requires_payment_method", order, latest_charge="ch_other")
    sent = [
        *captured(order),
        event("payment_intent.payment_failed", failed),
        event("charge.failed", charge(order, id="ch_other", captured=False)),
    ]
    assert stripe.outcomes(sent)[-2:] == ["recorded", "repeated"]
    assert paid(staff, order) == ("0.00", "paid")


def test_a_refund_settles_the_amount_due_and_a_failed_refund_restores_it(
    stripe: Stripe, customer: Api, staff: Api, order: Answer
) -> None:
    stripe.outcomes(captured(order))
    move(customer, order, "cancel")
    assert due(staff) == [(order.body["id"], 1000, "GBP")]
    steps = [
        event("refund.created", refund("pending")),
        event("refund.updated", refund("succeeded")),
        event("charge.refund.updated", refund("succeeded")),
    ]
    assert stripe.outcomes(steps) == ["ignored", "recorded", "repeated"]
    assert (due(staff), paid(staff, order)) == ([], ("0.00", "refunded"))
    failed = event("refund.failed", refund("failed"))
    assert stripe.outcomes([failed, failed, steps[1]]) == ["recorded", "repeated", "repeated"]
    assert due(staff) == [(order.body["id"], 1000, "GBP")]


def test_a_refund_that_arrives_before_its_payment_counts_with_it(
    stripe: Stripe, customer: Api, staff: Api, order: Answer
) -> None:
    early = event("refund.updated", refund("succeeded", 300))
    assert stripe.outcomes([early, early]) == ["unassigned", "repeated"]
    assert paid(staff, order) == ("10.00", "unpaid")
    assert stripe.outcomes([*captured(order), early]) == ["recorded", *["repeated"] * 3]
    assert paid(staff, order) == ("3.00", "part_refunded")
    path = f"orders/{order.body['id']}/payments?limit=1"
    first, second = (page for page in pages(customer, path))
    assert [one["kind"] for one in (*first, *second)] == ["refunded", "captured"]
    move(customer, order, "cancel")
    assert due(staff) == [(order.body["id"], 700, "GBP")]
    stripe.outcomes([event("refund.failed", refund("failed", 300))])
    assert due(staff) == [(order.body["id"], 1000, "GBP")]


def pages(api: Api, path: str) -> Iterator[list[dict[str, Any]]]:
    link = path
    while link:
        page = api("GET", link).body
        yield page["results"]
        link = (page["next"] or "").partition("/api/v1/")[2]


def test_a_payment_of_an_order_that_is_not_placed_yet_is_repeated(
    stripe: Stripe, customer: Api, staff: Api, product: Product
) -> None:
    id, jam = str(uuid4()), product(price="10.00")
    unplaced = Answer(0, {"id": id}, {})
    sent = captured(unplaced)
    assert set(stripe.outcomes(sent)) == {"payment_unmatched"}
    order = place(customer, (jam, 1), id=id)
    assert stripe.outcomes(sent) == ["recorded", "repeated", "repeated"]
    assert paid(staff, order) == ("0.00", "paid")


def test_a_payment_of_an_abandoned_order_is_a_refund_due(
    stripe: Stripe, customer: Api, staff: Api
) -> None:
    id = str(uuid4())
    customer("POST", "orders/abandon", {"id": id})
    assert stripe.outcomes(captured(Answer(0, {"id": id}, {})))[0] == "recorded"
    assert due(staff) == [(id, 1000, "GBP")]


@pytest.mark.parametrize("is_cart", [False, True])
def test_an_old_payment_of_an_unknown_order_is_kept_and_no_order_gets_its_id(
    stripe: Stripe, customer: Api, staff: Api, product: Product, is_cart: bool
) -> None:
    jam, id = product(), str(uuid4())
    if is_cart:
        id = customer("PUT", f"cart/lines/{jam}", {"quantity": 2}).body["id"]
    unplaced = Answer(0, {"id": id}, {})
    about = intent("succeeded", unplaced, amount_received=1000)
    old = event("payment_intent.succeeded", about, age=timedelta(days=2, minutes=1))
    assert stripe.outcomes([old, old]) == ["kept", "repeated"]
    assert due(staff) == [(id, 1000, "GBP")]
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
    stripe: Stripe, staff: Api, order: Answer
) -> None:
    stripe.outcomes(captured(order))
    back = refund("succeeded", payment_intent="pi_other", charge="ch_other")
    lost = dispute("lost") | {"payment_intent": "pi_third", "charge": "ch_third"}
    others = [event("refund.updated", back), event("charge.dispute.closed", lost)]
    assert stripe.outcomes(others) == ["unassigned"] * 2
    assert paid(staff, order) == ("0.00", "paid")
    assert len(staff("GET", f"orders/{order.body['id']}/payments").body["results"]) == 1


def test_an_event_with_an_invalid_order_id_is_refused(stripe: Stripe) -> None:
    wrong = intent("succeeded", None, amount_received=1000, metadata={"larder_order": "1042"})
    refused = stripe.send(event("payment_intent.succeeded", wrong))
    (fault,) = refused.body["errors"]
    assert (refused.status, fault["pointer"]) == (400, "/data/object/metadata/larder_order")


def test_a_dispute_and_an_inquiry(stripe: Stripe, staff: Api, order: Answer) -> None:
    stripe.outcomes(captured(order))
    inquiry = event("charge.dispute.created", dispute("warning_needs_response"))
    assert stripe.outcomes([inquiry]) == ["ignored"]
    assert paid(staff, order) == ("0.00", "paid")
    opened = [
        event("charge.dispute.created", dispute("needs_response")),
        event("charge.dispute.funds_withdrawn", dispute("needs_response")),
        event("charge.dispute.closed", dispute("lost")),
    ]
    assert stripe.outcomes(opened) == ["recorded", "repeated", "repeated"]
    assert paid(staff, order) == ("10.00", "disputed")
    won = [
        event("charge.dispute.closed", dispute("won")),
        event("charge.dispute.funds_reinstated", dispute("won")),
    ]
    assert stripe.outcomes(won) == ["recorded", "repeated"]
    assert paid(staff, order) == ("0.00", "paid")


def test_the_same_payment_with_another_amount_is_a_conflict(
    stripe: Stripe, staff: Api, order: Answer
) -> None:
    stripe.outcomes(captured(order))
    other = event("charge.captured", charge(order, amount_captured=900))
    assert stripe.outcomes([other]) == ["payment_conflict"]
    assert paid(staff, order) == ("0.00", "paid")


def test_a_payment_in_another_currency_is_a_refund_due(
    stripe: Stripe, staff: Api, order: Answer
) -> None:
    in_yen = intent("succeeded", order, amount_received=1000, currency="jpy")
    assert stripe.outcomes([event("payment_intent.succeeded", in_yen)]) == ["recorded"]
    assert paid(staff, order) == ("10.00", "unpaid")
    assert due(staff) == [(order.body["id"], 1000, "JPY")]
    back = event("refund.updated", refund("succeeded", currency="jpy"))
    assert stripe.outcomes([back]) == ["recorded"]
    assert due(staff) == []


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


def test_all_faults_of_an_event_are_named(stripe: Stripe, order: Answer) -> None:
    faulty = intent("succeeded", order, id="pi 1", currency="pounds", amount_received=-1)
    answer = stripe.send(event("payment_intent.succeeded", faulty) | {"created": -1})
    assert [(one["pointer"], one["code"]) for one in answer.body["errors"]] == [
        ("/data/object/id", "invalid_format"),
        ("/data/object/currency", "invalid_format"),
        ("/data/object/amount", "out_of_range"),
        ("/created", "out_of_range"),
    ]


@pytest.mark.parametrize("raw", [b"{", b"[]", b"\xff", b"[" * 5000, b'{"type": 5}', b"null"])
def test_a_body_that_is_not_an_event_is_refused(api: Api, raw: bytes) -> None:
    header = sign(raw, secret=SECRET, at=datetime.now(UTC))
    assert api("POST", STRIPE, raw, Stripe_Signature=header).status == 400


def test_a_signature_needs_one_of_the_secrets_and_a_recent_time(
    stripe: Stripe, order: Answer
) -> None:
    (sent, *_), now = captured(order), datetime.now(UTC)
    assert stripe.send(sent, secret=FORMER).body == {"outcome": "recorded"}
    assert stripe.send(sent, secret="whsec_other").body["code"] == "signature_invalid"
    for far in (-TOLERANCE_SECONDS - 5, TOLERANCE_SECONDS + 5):
        answer = stripe.send(sent, at=now + timedelta(seconds=far))
        assert (answer.status, answer.body["code"]) == (400, "signature_invalid")
    assert stripe.send(sent, at=now - timedelta(seconds=TOLERANCE_SECONDS - 5)).status == 200


def test_a_signature_of_other_bytes_is_refused(api: Api, order: Answer) -> None:
    raw = json.dumps(captured(order)[0]).encode()
    good = sign(raw, secret=SECRET, at=datetime.now(UTC))
    moment, _, digest = good.partition(",v1=")
    bad = [
        "",
        "t=,v1=",
        moment,
        f"v1={digest}",
        f"{moment},v0={digest}",
        f"{moment},v1={digest[:-1]}",
        f"t=1e9,v1={digest}",
        f"t={'9' * 5000},v1={digest}",
        f"t=\N{SUPERSCRIPT TWO},v1={digest}",
        f"{moment},v1=\N{LATIN SMALL LETTER E WITH ACUTE}",
    ]
    for header in bad:
        answer = api("POST", STRIPE, raw, Stripe_Signature=header)
        assert answer.body["code"] == "signature_invalid", header
    assert api("POST", STRIPE, raw + b" ", Stripe_Signature=good).status == 400
    assert api("POST", STRIPE, raw).body["code"] == "signature_invalid"
    several = f"{moment},v1={'0' * 64},v1={digest},v0=x"
    assert api("POST", STRIPE, raw, Stripe_Signature=several).status == 200


def test_without_a_secret_no_event_is_accepted(
    stripe: Stripe, order: Answer, settings: Any
) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = []
    answer = stripe.send(captured(order)[0], secret="")
    assert (answer.status, answer.body["code"]) == (404, "provider_off")


def test_a_long_body_is_refused_and_one_with_much_metadata_is_not(
    stripe: Stripe, order: Answer
) -> None:
    sent = captured(order)[0]
    sent["data"]["object"]["metadata"] |= {f"key{n}": "x" * 500 for n in range(49)}
    assert stripe.send(sent).status == 200
    sent["padding"] = "x" * MAX_SIGNED_BODY_BYTES
    answer = stripe.send(sent)
    assert (answer.status, answer.body["code"]) == (413, "body_too_large")


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
    assert list(telemetry.payments) == [("stripe", one) for one in expected]
    assert PI not in caplog.text


def signed(api: Api, body: dict[str, Any], secret: str = "another secret") -> Answer:
    raw = json.dumps(body).encode()
    header = sign(raw, secret=secret, at=datetime.now(UTC))
    return api("POST", SIGNED, raw, Larder_Signature=header)


def test_another_provider_sends_the_payment_format_of_larder(
    api: Api, staff: Api, order: Answer
) -> None:
    at = datetime.now(UTC).isoformat()
    body = {"kind": "captured", "transaction_id": "T-1", "amount": 1000, "currency": "GBP"}
    body |= {"at": at, "order": order.body["id"], "intent": "I-1"}
    assert [signed(api, body).body["outcome"] for _ in range(2)] == ["recorded", "repeated"]
    assert paid(staff, order) == ("0.00", "paid")
    del body["order"]
    body |= {"kind": "refunded", "transaction_id": "R-1", "amount": 400}
    assert signed(api, body).body == {"outcome": "recorded"}
    assert paid(staff, order) == ("4.00", "part_refunded")
    assert signed(api, body, secret=SECRET).body["code"] == "signature_invalid"
    del body["intent"]
    assert signed(api, body).body["errors"][0]["code"] == "one_of"
    assert signed(api, body | {"surprise": 1}).body["code"] == "unknown_field"
