"""Holds that end while they are confirmed or cancelled, or while others order the units."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from time import sleep
from uuid import UUID

import psycopg
import pytest
from django.db import connection, transaction

from larder.inventory.services import movements
from larder.ops.books import invariants
from larder.orders.services import moves
from larder.orders.services.expire_holds import expire_holds
from tests.conftest import Person
from tests.orders import holding
from tests.orders.holding import SECONDS, balance, events, hold, pass_seconds
from tests.system.race.interleaving import (
    ORDERS_READ,
    STOCK_READ,
    Outcome,
    Race,
    assert_held,
    waits,
)
from tests.system.race.shops import OK

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
FREE_ORDERS = ' FOR UPDATE OF "order" SKIP LOCKED'


pytestmark = pytest.mark.django_db(transaction=True)


def _expire() -> int:
    return expire_holds(now=datetime.now(UTC), limit=10)


def _agree() -> bool:
    return not invariants.check().violated


def _types(order: UUID) -> list[str]:
    return [one for one, _, _ in events(order)]


def expired_while_confirmed(person: MakePerson, product: MakeProduct) -> Race:
    """The expiry is written, then the order takes its units again."""
    clerk, jam = person(is_staff=True, role="owner"), product(stock=5)
    held = hold(person(), (jam, 3)).id
    pass_seconds(SECONDS, [held])

    def holds(outcome: Outcome) -> bool:
        done = (outcome.first.content, outcome.second.code) == (1, OK)
        written = _types(held) == ["held", "expired", "confirmed"] and balance(jam) == (2, 3)
        return done and written and _agree()

    return Race(_expire, partial(holding.confirm, clerk, held), FREE_ORDERS, holds)


def confirmed_twice(person: MakePerson, product: MakeProduct) -> Race:
    """The second confirmation finds what the first one made."""
    clerk, jam = person(is_staff=True, role="owner"), product(stock=9)
    held = hold(person(), (jam, 3)).id
    confirm = partial(holding.confirm, clerk, held)

    def holds(outcome: Outcome) -> bool:
        same = outcome.first.code == OK and outcome.first == outcome.second
        return same and _types(held) == ["held", "confirmed"] and balance(jam) == (6, 3)

    return Race(confirm, confirm, ORDERS_READ, holds)


def cancelled_while_expired(person: MakePerson, product: MakeProduct) -> Race:
    """The expiry is written, then the cancellation finds nothing to release."""
    who, jam = person(), product(stock=5)
    held = hold(who, (jam, 3)).id
    pass_seconds(SECONDS, [held])
    cancel = partial(moves.cancel_order, holding.request(who.caller, held))

    def holds(outcome: Outcome) -> bool:
        done = (outcome.first.content, outcome.second.code) == (1, OK)
        return done and _types(held) == ["held", "expired", "cancelled"] and balance(jam) == (5, 0)

    return Race(_expire, cancel, FREE_ORDERS, holds)


def confirmed_while_ordered_by_another(person: MakePerson, product: MakeProduct) -> Race:
    """The late confirmation takes the released units; the order of another customer does not."""
    clerk, other, jam = person(is_staff=True, role="owner"), person(), product(stock=4)
    held = hold(person(), (jam, 2)).id
    pass_seconds(SECONDS, [held])

    def holds(outcome: Outcome) -> bool:
        done = (outcome.first.code, outcome.second.code) == (OK, "insufficient_stock")
        return done and balance(jam) == (2, 2) and _agree()

    return Race(
        partial(holding.confirm, clerk, held),
        partial(holding.order, other, (jam, 4)),
        STOCK_READ,
        holds,
    )


RACES = [
    expired_while_confirmed,
    confirmed_twice,
    cancelled_while_expired,
    confirmed_while_ordered_by_another,
]


@pytest.mark.parametrize("race", RACES)
def test_a_hold_ends_once(
    race: Callable[..., Race], person: MakePerson, product: MakeProduct
) -> None:
    assert_held(race(person, product))


def test_a_hold_that_expires_during_a_lock_wait_is_released(
    person: MakePerson, product: MakeProduct
) -> None:
    """The transaction begins before the expiry, and gets the lock after it."""
    jam = product(stock=5)
    hold(person(), (jam, 3), seconds=1)

    def available() -> int:
        try:
            with transaction.atomic():
                return movements.lock([jam])[jam].available
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, psycopg.connect(os.environ["DATABASE_URL"]) as keeper:
        keeper.execute("SELECT 1 FROM stock WHERE product_id = %s FOR UPDATE", [jam])
        waiting = pool.submit(available)
        assert waits(waiting, keeper.info.backend_pid)
        sleep(1.2)
        keeper.rollback()
        assert waiting.result(10) == 5
