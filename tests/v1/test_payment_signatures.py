"""Signatures of events of payment providers, and what is read of their bodies."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from larder.v1.operations import MAX_SIGNED_BODY_BYTES
from larder.v1.payment_providers import TOLERANCE_SECONDS
from tests.conftest import Answer, Api
from tests.v1.paying import paid
from tests.v1.stripe_events import (
    FORMER,
    SECRET,
    SIGNED,
    STRIPE,
    Stripe,
    captured,
    sign,
)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("books_agree", "stripe"),
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


def signed(api: Api, body: dict[str, Any], secret: str = "another secret") -> Answer:
    raw = json.dumps(body).encode()
    header = sign(raw, secret=secret, at=datetime.now(UTC))
    return api("POST", SIGNED, raw, Larder_Signature=header)


def test_another_provider_sends_the_payment_format_of_larder(
    api: Api, owner: Api, order: Answer
) -> None:
    at = datetime.now(UTC).isoformat()
    body = {"kind": "captured", "transaction_id": "T-1", "amount": 1000, "currency": "GBP"}
    body |= {"at": at, "order": order.body["id"], "intent": "I-1"}
    assert [signed(api, body).body["outcome"] for _ in range(2)] == ["recorded", "repeated"]
    assert paid(owner, order) == ("0.00", "paid")
    del body["order"]
    body |= {"kind": "refunded", "transaction_id": "R-1", "amount": 400}
    assert signed(api, body).body == {"outcome": "recorded"}
    assert paid(owner, order) == ("4.00", "part_refunded")
    assert signed(api, body, secret=SECRET).body["code"] == "signature_invalid"
    del body["intent"]
    assert signed(api, body).body["errors"][0]["code"] == "one_of"
    assert signed(api, body | {"surprise": 1}).body["code"] == "unknown_field"
