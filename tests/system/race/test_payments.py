"""The locks of payments, each with a control without it."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from uuid import UUID

import pytest

from larder.core.clock import now
from larder.db import database
from larder.ops.books import invariants
from larder.orders.payment_state import Kind
from larder.orders.services.payments import (
    NewPayment,
    Report,
    receive_payment,
    record_payment,
)
from tests.conftest import Person
from tests.system.race.interleaving import (
    ORDERS_READ,
    Outcome,
    Race,
    assert_held,
    interleave,
)
from tests.system.race.shops import OK, ServiceShop

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
SHOP = ServiceShop()
INSERTED = "INSERT INTO payment"
RECORDS_READ = 'WHERE "order" IS NULL AND intent'
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 9))"

pytestmark = pytest.mark.django_db(transaction=True)


def captured(amount: int) -> NewPayment:
    return NewPayment(
        provider="stripe",
        kind=Kind.CAPTURED,
        transaction_id="pi_1",
        intent="pi_1",
        amount=amount,
        currency="GBP",
        at=now(),
    )


def ordered(person: MakePerson, product: MakeProduct) -> tuple[Person, UUID]:
    """A customer, and an order for 3.00."""
    who = person()
    return who, SHOP.place(who, [(product(price="1.50"), 2)]).content.id


def refunds() -> list[tuple[int]]:
    return database.rows("SELECT amount FROM refund_due")


def recorded_and_cancelled(person: MakePerson, product: MakeProduct) -> Race:
    """Whichever comes first, what was paid is a refund due."""
    who, order = ordered(person, product)
    clerk = person(is_staff=True, role="owner").caller
    return Race(
        partial(record_payment, order, captured(300), caller=clerk, now=now()),
        partial(SHOP.move, who, order, "cancel"),
        ORDERS_READ,
        lambda outcome: outcome.first.code == outcome.second.code == OK and refunds() == [(300,)],
    )


def captured_and_refunded(person: MakePerson, product: MakeProduct) -> Race:
    """A refund that names no order meets the record of its payment."""
    _, order = ordered(person, product)
    paid = Report(payment=captured(300), order=order, sent_at=now())
    back = replace(captured(100), kind=Kind.REFUNDED, transaction_id="re_1")
    early = Report(payment=back, order=None, sent_at=now())
    sums = 'SELECT captured, refunded FROM "order"'
    return Race(
        partial(receive_payment, paid, now=now()),
        partial(receive_payment, early, now=now()),
        RECORDS_READ,
        lambda _: database.rows(sums) == [(300, 100)],
    )


RACES = [recorded_and_cancelled, captured_and_refunded]


@pytest.mark.parametrize("race", RACES)
def test_concurrent_payments_are_recorded_one_after_the_other(
    race: Callable[..., Race], person: MakePerson, product: MakeProduct
) -> None:
    assert_held(race(person, product))
    assert invariants.check().violated == []


def test_two_concurrent_equal_events_are_one_record(
    person: MakePerson, product: MakeProduct
) -> None:
    _, order = ordered(person, product)
    call = partial(
        receive_payment, Report(payment=captured(300), order=order, sent_at=now()), now=now()
    )
    outcome: Outcome = interleave(Race(call, call, INSERTED, bool))
    assert outcome.waited
    assert {outcome.first.content, outcome.second.content} == {"recorded", "repeated"}
    assert database.rows('SELECT captured FROM "order"') == [(300,)]
