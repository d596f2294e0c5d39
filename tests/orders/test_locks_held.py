"""The time for which placing holds its locks is measured."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from time import sleep
from typing import Any

import pytest

from larder.core import telemetry
from larder.core.stopwatch import Stopwatch
from larder.orders.decision import Wanted
from larder.orders.services.placing import place_batch as placing
from larder.orders.services.placing.claims import settle_claims
from larder.orders.services.placing.place_batch import place_batch
from larder.orders.services.placing.placement import Placed, Placement, new_order
from tests.conftest import Person
from tests.orders.crowd import GBP, held

PAUSE = 2.0
Place = Callable[..., Placed | Exception]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def place(
    person: Callable[..., Person], now: datetime, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    """Places one order of a product, and calls `at_end` when all is written but not committed."""
    who = person()
    telemetry.locks_held.clear()

    def order(
        product: int, at_end: Callable[[], object] = lambda: None, **how: Any
    ) -> Placed | Exception:
        def last_step(*arguments: Any) -> None:
            settle_claims(*arguments)
            at_end()

        monkeypatch.setattr(placing, "settle_claims", last_step)
        asked = Placement(customer=who.id, actor=who.customer.public_id, lines=[Wanted(product, 1)])
        order = new_order(asked, now)
        return place_batch(lambda: [order], terms=GBP, lock_wait=5.0, **how)[order]

    yield order
    telemetry.locks_held.clear()


def test_locks_are_held_until_the_transaction_ends(
    place: Place, product: Callable[..., int]
) -> None:
    assert isinstance(place(product(stock=5), at_end=lambda: sleep(PAUSE)), Placed)
    (seconds,) = telemetry.locks_held
    assert PAUSE <= seconds < 5


def test_a_failed_transaction_reports_its_lock_time(
    place: Place, product: Callable[..., int]
) -> None:
    def fail() -> None:
        raise LookupError

    assert isinstance(place(product(stock=5), at_end=fail), LookupError)
    assert len(telemetry.locks_held) == 1


def later(let_go: Callable[[], None]) -> None:
    """Releases the lock after a pause."""
    sleep(PAUSE)
    let_go()


def test_the_wait_for_a_lock_does_not_count_as_lock_time(
    place: Place, product: Callable[..., int]
) -> None:
    jam, running = product(stock=5), Stopwatch()
    with ThreadPoolExecutor(1) as pool, held(jam) as let_go:
        pool.submit(later, let_go)
        assert isinstance(place(jam, first=[jam]), Placed)
    (seconds,) = telemetry.locks_held
    assert seconds < PAUSE / 2 < PAUSE <= running.seconds
