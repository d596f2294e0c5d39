"""A payment of the whole amount confirms a pending order if its units are available."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from larder.core.clock import now
from larder.ops import invariants
from larder.orders.models import Order
from larder.orders.payment_state import Kind
from larder.orders.services import payments
from larder.orders.services.expire_holds import expire_holds
from larder.orders.services.payments import NewPayment, Outcome, Report, receive_payment
from tests.conftest import Answer, Api, Person
from tests.orders import holding
from tests.tiers import LONGEST
from tests.v1.test_moves import move
from tests.v1.test_orders import place

Product = Callable[..., int]
As = Callable[[Person], Api]

pytestmark = pytest.mark.django_db(transaction=True)
TOTAL = 1000
"""The price of a held order, in pence."""


@pytest.fixture(autouse=True)
def _the_books_are_right(transactional_db: None) -> Iterator[None]:
    """After each test the invariants hold."""
    yield
    assert invariants.check().violated == []


@pytest.fixture
def staff(person: Callable[..., Person], as_: As) -> Api:
    """A member of staff with all permissions."""
    return as_(person(is_staff=True, role="owner"))


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


def due(staff: Api) -> list[int]:
    return [one["amount"] for one in staff("GET", "refunds-due").body["results"]]


def test_a_payment_of_the_whole_total_confirms(staff: Api, held: Answer, jam: int) -> None:
    record(staff, held, TOTAL)
    assert status(staff, held) == "placed"
    assert [type for type, *_ in holding.events(UUID(held.body["id"]))] == [
        "held",
        "payment",
        "confirmed",
    ]
    assert holding.balance(jam) == (0, 2)
    assert due(staff) == []


@pytest.mark.parametrize(("amount", "kind"), [(TOTAL - 1, "captured"), (TOTAL, "authorised")])
def test_the_answer_to_a_confirmation_has_the_payments(
    staff: Api, held: Answer, amount: int, kind: str
) -> None:
    record(staff, held, amount, kind)
    confirmed = staff("POST", f"orders/{held.body['id']}/confirm", {})
    assert (confirmed.status, confirmed.body["status"]) == (200, "placed")
    assert confirmed.body == staff("GET", f"orders/{held.body['id']}").body


def test_a_partial_payment_does_not_confirm_before_the_rest(staff: Api, held: Answer) -> None:
    record(staff, held, TOTAL - 1)
    assert status(staff, held) == "pending"
    record(staff, held, 1, transaction_id="u")
    assert status(staff, held) == "placed"


def test_a_payment_of_an_expired_order_takes_its_units_again(
    staff: Api, held: Answer, jam: int
) -> None:
    expire(held)
    record(staff, held, TOTAL)
    assert status(staff, held) == "placed"
    assert holding.ledger(jam)[-1] == ("order", -2, 2)
    assert due(staff) == []


@pytest.mark.parametrize("is_stored", [True, False])
def test_a_payment_is_a_refund_due_if_the_units_were_sold(
    customer: Api, staff: Api, held: Answer, jam: int, is_stored: bool
) -> None:
    """This also holds if the worker has not stored the expiry yet."""
    holding.pass_seconds(10_000, [UUID(held.body["id"])])
    if is_stored:
        expire_holds(now=now(), limit=10)
    assert place(customer, (jam, 1)).status == 201
    record(staff, held, TOTAL)
    expire_holds(now=now(), limit=10)
    assert status(staff, held) == "expired"
    assert holding.balance(jam) == (1, 1)
    assert due(staff) == [TOTAL]


def test_an_authorisation_confirms_only_with_the_setting(
    staff: Api, customer: Api, product: Product, settings: Any
) -> None:
    jam = product(price="5.00", stock=4)
    first, second = (place(customer, (jam, 2), payment={"required": True}) for _ in range(2))
    record(staff, first, TOTAL, "authorised", transaction_id="a")
    assert status(staff, first) == "pending"
    settings.AUTHORISATION_CONFIRMS = True
    record(staff, second, TOTAL, "authorised", transaction_id="b")
    assert status(staff, second) == "placed"


def test_a_record_that_adds_no_money_confirms_nothing(staff: Api, held: Answer) -> None:
    """A refund of an expired order that fails leaves the money with the shop."""
    expire(held)
    record(staff, held, TOTAL - 1)
    record(staff, held, 1, "failed", transaction_id="u")
    assert status(staff, held) == "expired"
    move(staff, held, "cancel")
    record(staff, held, 1, transaction_id="v")
    assert status(staff, held) == "cancelled"
    assert due(staff) == [TOTAL]


def test_a_failed_refund_does_not_confirm(
    customer: Api, staff: Api, held: Answer, jam: int
) -> None:
    expire(held)
    other = place(customer, (jam, 1))
    record(staff, held, TOTAL)
    record(staff, held, TOTAL, "refunded", transaction_id="r")
    move(customer, other, "cancel")
    record(staff, held, TOTAL, "refund_failed", transaction_id="r")
    assert status(staff, held) == "expired"
    assert due(staff) == [TOTAL]


def captured(order: Answer, *, age: timedelta = timedelta()) -> Report:
    """An event of a provider."""
    payment = NewPayment(
        provider="stripe",
        kind=Kind.CAPTURED,
        transaction_id="ch_1",
        intent="pi_1",
        amount=TOTAL,
        currency="GBP",
        at=now(),
    )
    return Report(payment=payment, order=UUID(order.body["id"]), sent_at=now() - age)


def test_an_event_of_a_provider_confirms_once(staff: Api, held: Answer, jam: int) -> None:
    report = captured(held)
    assert receive_payment(report, now=now()) is Outcome.RECORDED
    assert receive_payment(report, now=now()) is Outcome.REPEATED
    assert status(staff, held) == "placed"
    assert move(staff, held, "confirm").status == 200
    assert holding.balance(jam) == (0, 2)


def test_an_order_that_is_placed_while_its_id_is_abandoned_keeps_its_id_and_payment(
    customer: Api, staff: Api, jam: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cart = customer("PUT", f"cart/lines/{jam}", {"quantity": 2})
    abandon = payments._abandon

    def submit() -> Answer:
        try:
            return customer("POST", "cart/submit", {})
        finally:
            connection.close()

    def abandon_late(order: UUID, now: datetime) -> Order | None:
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(submit).result(LONGEST).body["id"] == cart.body["id"]
        return abandon(order, now)

    monkeypatch.setattr(payments, "_abandon", abandon_late)
    report = captured(cart, age=2 * payments.KEPT_AFTER)
    assert receive_payment(report, now=now()) is Outcome.RECORDED
    assert customer("POST", "orders/abandon", {"id": cart.body["id"]}).body["outcome"] == "placed"
    assert due(staff) == []
