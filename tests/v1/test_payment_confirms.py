"""A payment of the whole amount confirms a pending order if its units are available."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from larder.core.clock import now
from larder.db.sql import CLAIM
from larder.orders.payment_state import Kind
from larder.orders.services import payments
from larder.orders.services.expire_holds import expire_holds
from larder.orders.services.payments import NewPayment, Outcome, receive_payment
from tests.conftest import Answer, Api
from tests.database import before
from tests.orders import holding
from tests.v1.moving import move
from tests.v1.placing import place

Product = Callable[..., int]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_agree")]
TOTAL = 1000
"""The price of a held order, in pence."""


@pytest.fixture
def jam(product: Product) -> int:
    """A product with 2 units, for 5.00 each."""
    return product(price="5.00", stock=2)


@pytest.fixture
def held(customer: Api, jam: int) -> Answer:
    """An order of both units that awaits its payment."""
    return place(customer, (jam, 2), payment={"required": True})


def record(api: Api, order: Answer, amount: int, kind: str = "captured", **other: Any) -> None:
    body = {"provider": "cash", "kind": kind, "transaction_id": "t", "amount": amount}
    path = f"orders/{order.body['id']}/payments"
    assert api("POST", path, body | {"currency": "GBP"} | other).status == 201


def expire(order: Answer) -> None:
    """Lets the hold of an order expire, as the worker stores it."""
    holding.pass_seconds(10_000, [UUID(order.body["id"])])
    assert expire_holds(now=now(), limit=10) == 1


def status(api: Api, order: Answer) -> str:
    return str(api("GET", f"orders/{order.body['id']}").body["status"])


def due(owner: Api) -> list[int]:
    return [row["amount"] for row in owner("GET", "refunds-due").body["results"]]


def test_a_payment_of_the_whole_total_confirms(owner: Api, held: Answer, jam: int) -> None:
    record(owner, held, TOTAL)
    assert status(owner, held) == "placed"
    assert [type for type, *_ in holding.events(UUID(held.body["id"]))] == [
        "held",
        "payment",
        "confirmed",
    ]
    assert holding.balance(jam) == (0, 2)
    assert due(owner) == []


@pytest.mark.parametrize(("amount", "kind"), [(TOTAL - 1, "captured"), (TOTAL, "authorised")])
def test_the_answer_to_a_confirmation_has_the_payments(
    owner: Api, held: Answer, amount: int, kind: str
) -> None:
    record(owner, held, amount, kind)
    confirmed = owner("POST", f"orders/{held.body['id']}/confirm", {})
    assert (confirmed.status, confirmed.body["status"]) == (200, "placed")
    assert confirmed.body == owner("GET", f"orders/{held.body['id']}").body


def test_a_partial_payment_does_not_confirm_before_the_rest(owner: Api, held: Answer) -> None:
    record(owner, held, TOTAL - 1)
    assert status(owner, held) == "pending"
    record(owner, held, 1, transaction_id="u")
    assert status(owner, held) == "placed"


def test_a_payment_of_an_expired_order_takes_its_units_again(
    owner: Api, held: Answer, jam: int
) -> None:
    expire(held)
    record(owner, held, TOTAL)
    assert status(owner, held) == "placed"
    assert holding.ledger(jam)[-1] == ("order", -2, 2)
    assert due(owner) == []


@pytest.mark.parametrize("is_stored", [True, False])
def test_a_payment_is_a_refund_due_if_the_units_were_sold(
    customer: Api, owner: Api, held: Answer, jam: int, is_stored: bool
) -> None:
    """This also holds if the worker has not stored the expiry yet."""
    holding.pass_seconds(10_000, [UUID(held.body["id"])])
    if is_stored:
        expire_holds(now=now(), limit=10)
    assert place(customer, (jam, 1)).status == 201
    record(owner, held, TOTAL)
    expire_holds(now=now(), limit=10)
    assert status(owner, held) == "expired"
    assert holding.balance(jam) == (1, 1)
    assert due(owner) == [TOTAL]


def test_an_authorisation_confirms_only_with_the_setting(
    owner: Api, customer: Api, product: Product, settings: Any
) -> None:
    jam = product(price="5.00", stock=4)
    first, second = (place(customer, (jam, 2), payment={"required": True}) for _ in range(2))
    record(owner, first, TOTAL, "authorised", transaction_id="a")
    assert status(owner, first) == "pending"
    settings.AUTHORISATION_CONFIRMS = True
    record(owner, second, TOTAL, "authorised", transaction_id="b")
    assert status(owner, second) == "placed"


def test_a_record_that_adds_no_money_confirms_nothing(owner: Api, held: Answer) -> None:
    """A refund of an expired order that fails leaves the money with the shop."""
    expire(held)
    record(owner, held, TOTAL - 1)
    record(owner, held, 1, "failed", transaction_id="u")
    assert status(owner, held) == "expired"
    move(owner, held, "cancel")
    record(owner, held, 1, transaction_id="v")
    assert status(owner, held) == "cancelled"
    assert due(owner) == [TOTAL]


def test_a_failed_refund_does_not_confirm(
    customer: Api, owner: Api, held: Answer, jam: int
) -> None:
    expire(held)
    other = place(customer, (jam, 1))
    record(owner, held, TOTAL)
    record(owner, held, TOTAL, "refunded", transaction_id="r")
    move(customer, other, "cancel")
    record(owner, held, TOTAL, "refund_failed", transaction_id="r")
    assert status(owner, held) == "expired"
    assert due(owner) == [TOTAL]


def captured(order: Answer, *, age: timedelta = timedelta()) -> NewPayment:
    """An event of a provider."""
    return NewPayment(
        provider="stripe",
        kind=Kind.CAPTURED,
        transaction_id="ch_1",
        intent="pi_1",
        amount=TOTAL,
        currency="GBP",
        at=now() - age,
        order=UUID(order.body["id"]),
    )


def test_an_event_of_a_provider_confirms_once(owner: Api, held: Answer, jam: int) -> None:
    report = captured(held)
    assert receive_payment(report, now=now()) is Outcome.RECORDED
    assert receive_payment(report, now=now()) is Outcome.REPEATED
    assert status(owner, held) == "placed"
    assert move(owner, held, "confirm").status == 200
    assert holding.balance(jam) == (0, 2)


def test_an_order_that_is_placed_while_its_id_is_abandoned_keeps_its_id_and_payment(
    customer: Api, owner: Api, jam: int
) -> None:
    cart = customer("PUT", f"cart/lines/{jam}", {"quantity": 2})
    report = captured(cart, age=2 * payments.KEPT_AFTER)
    with before(CLAIM, lambda: customer("POST", "cart/submit", {})):
        assert receive_payment(report, now=now()) is Outcome.RECORDED
    assert customer("POST", "orders/abandon", {"id": cart.body["id"]}).body["outcome"] == "placed"
    assert due(owner) == []
