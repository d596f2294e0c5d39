"""How orders form batches with a limited number of lines."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from time import monotonic
from typing import Any

import pytest

from larder.core.batch_queue import BatchQueue
from larder.core.errors import DomainError, Overloaded
from larder.db import leases
from larder.db.postgresql.errors import CommitUnknown
from larder.inventory.services.locks import LARGE_MOVE
from larder.orders.decision import Wanted
from larder.orders.services.placing import place_order as placing
from larder.orders.services.placing.place_order import place_order
from larder.orders.services.placing.placement import ExpectedCart, Placement
from tests.conftest import Person
from tests.orders.crowd import GBP, Crowd, held, orders, transactions
from tests.tiers import LONGEST

MakeProduct = Callable[..., int]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def own_queue(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Gives the test a separate queue that uses the settings of the test."""
    monkeypatch.setattr(placing, "_queues", {})
    return monkeypatch


def test_a_batch_has_a_limit_of_lines(
    person: Callable[..., Person],
    product: MakeProduct,
    now: datetime,
    own_queue: pytest.MonkeyPatch,
) -> None:
    plug, jam, tea = product(stock=10), product(stock=10), product(stock=10)
    own_queue.setattr(placing, "LIMITS", replace(placing.LIMITS, max_batch_lines=4))
    own_queue.setattr(placing, "LOCK_WAIT", 4.0)
    with ThreadPoolExecutor(16) as pool, held(plug) as opens:
        crowd = Crowd(person(), now, pool, plug, opens)
        crowd.begin()
        lines = [Wanted(jam, 1), Wanted(tea, 1)]
        sent = [crowd.order(jam, lines=lines) for _ in range(3)]
        opens()
        assert all(one.result(LONGEST).order.number for one in sent)
    assert (orders(), transactions()) == (4, 3)


def test_a_batch_interrupted_after_the_commit_reports_an_unknown_outcome(
    person: Callable[..., Person],
    product: MakeProduct,
    now: datetime,
    own_queue: pytest.MonkeyPatch,
) -> None:
    place_batch = placing._place_queued

    def place_and_end(batch: Any) -> Any:
        placed = place_batch(batch)
        if len(batch) > 1:
            raise SystemExit
        return placed

    own_queue.setattr(placing, "_place_queued", place_and_end)
    plug, jam = product(stock=10), product(stock=10)
    with ThreadPoolExecutor(16) as pool, held(plug) as opens:
        crowd = Crowd(person(), now, pool, plug, opens)
        crowd.begin()
        leads, follows = crowd.order(jam), crowd.order(jam)
        opens()
        assert isinstance(leads.exception(10), SystemExit)
        assert isinstance(follows.exception(10), CommitUnknown)
    assert orders() == 3


def test_a_cart_counts_as_a_hundred_lines_of_its_batch(
    person: Callable[..., Person],
    now: datetime,
    own_queue: pytest.MonkeyPatch,
) -> None:
    """The number of its lines is known only after it is locked."""
    who, seen = person(), list[int]()
    asking = BatchQueue.submit

    def ask(queue: Any, asked: Any, *, lines: int = 1) -> Any:
        seen.append(lines)
        return asking(queue, asked, lines=lines)

    own_queue.setattr(BatchQueue, "submit", ask)
    cart = Placement(customer=who.id, actor=who.customer.public_id, lines=(), cart=ExpectedCart())
    with pytest.raises(DomainError):
        place_order(cart, terms=GBP, now=now)
    assert seen == [placing.LINES_OF_A_CART]


def test_large_orders_of_an_account_are_placed_one_at_a_time_in_all_servers(
    person: Callable[..., Person],
    product: MakeProduct,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another process has the lease of the first account's large orders."""
    monkeypatch.setattr(leases, "LONGEST_WAIT", 0.1)
    monkeypatch.setattr(leases, "LONGEST_PAUSE", 0.0)
    who, other, jam = person(), person(), product(stock=10_000)

    def order(by: Person, lines: int) -> None:
        wanted = [Wanted(jam, 1)] * lines
        placement = Placement(customer=by.id, actor=by.customer.public_id, lines=wanted)
        place_order(placement, terms=GBP, now=now)

    with leases.lease(who.customer.public_id):
        with pytest.raises(Overloaded):
            order(who, LARGE_MOVE)
        order(who, LARGE_MOVE - 1)
        order(other, LARGE_MOVE)
    order(who, LARGE_MOVE)
    assert orders() == 3


def test_an_order_behind_a_locked_one_waits_for_the_lock_at_most_once(
    person: Callable[..., Person],
    product: MakeProduct,
    now: datetime,
    own_queue: pytest.MonkeyPatch,
) -> None:
    """It does not wait again behind the next order of the same product, which arrived earlier than
    the mark.
    """
    stuck, jam = product(stock=10), product(stock=10)
    own_queue.setattr(placing, "LOCK_WAIT", 2.0)
    with ThreadPoolExecutor(16) as pool, held(stuck) as opens:
        crowd, began = Crowd(person(), now, pool, stuck, opens), monotonic()
        first = crowd.begin()
        second, bystander = crowd.order(stuck), crowd.order(jam)
        assert bystander.result(LONGEST).order.lines[0].quantity == 1
        assert monotonic() - began < 2 * placing.LOCK_WAIT
        opens()
        assert [one.result(LONGEST).order.lines[0].quantity for one in (first, second)] == [1, 1]
    assert orders() == 3
