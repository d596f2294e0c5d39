"""Events as the payment provider Stripe sends them, with their signatures."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from tests.conftest import Answer, Api

SECRET, FORMER = "whsec_present_one_of_the_test", "whsec_former_one_of_the_test"
STRIPE, SIGNED = "payments/providers/stripe", "payments/providers/signed"
PI, CHARGE = "pi_3PBv2L2eZvKYlo2C1", "ch_3PBv2L2eZvKYlo2C1"


def sign(raw: bytes, *, secret: str, at: datetime) -> str:
    """Return the header of an event that is sent at this time."""
    moment = f"{int(at.timestamp())}"
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + raw, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


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
        return [answer.body.get("outcome") or answer.body["code"] for answer in answers]


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
