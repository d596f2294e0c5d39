"""How orders go together: so many lines at most, and in the turn of their process."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any

import psycopg
import pytest

from larder.common import turnstile
from larder.common.errors import DomainError
from larder.common.group_commit import GroupCommit
from larder.common.turnstile import Turnstile
from larder.orders.decision import Wanted
from larder.orders.services import place_order as placing
from larder.orders.services.place_order import place_order
from larder.orders.services.placement import CartShown, Placement
from tests.conftest import Person
from tests.database import superuser_url
from tests.orders.crowd import GBP, Crowd, held, orders, transactions
from tools.processes import wait_until

MakeProduct = Callable[..., int]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def own_queue(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The test has a queue of its own, made with what it sets."""
    monkeypatch.setattr(placing, "_queues", {})
    return monkeypatch


HELD_COMMIT = """
    CREATE FUNCTION orders.hold_commit() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_advisory_xact_lock(77); RETURN NULL; END';
    CREATE CONSTRAINT TRIGGER hold_commit AFTER INSERT ON orders."order"
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION orders.hold_commit()
"""


@contextmanager
def commits_held() -> Iterator[Callable[[], object]]:
    """The commit of an order waits until it is told to go on."""
    with psycopg.connect(superuser_url(), autocommit=True) as other:
        other.execute(HELD_COMMIT)
        other.execute("SELECT pg_advisory_lock(77)")
        try:
            yield lambda: other.execute("SELECT pg_advisory_unlock(77)")
        finally:
            other.execute("SELECT pg_advisory_unlock_all()")
            other.execute("DROP FUNCTION orders.hold_commit CASCADE")


def test_a_turn_ends_when_all_is_written_and_before_it_is_committed(
    person: Callable[..., Person],
    product: MakeProduct,
    now: datetime,
    tmp_path: Path,
    own_queue: pytest.MonkeyPatch,
) -> None:
    """The next group of another process begins while this one's commit goes to the disk."""
    who, jam = person(), product(stock=5)
    mine, others = Turnstile(tmp_path, "placing"), Turnstile(tmp_path, "placing")
    own_queue.setattr(turnstile, "of_this_process", lambda: mine)
    with commits_held() as go_on, ThreadPoolExecutor() as pool:
        crowd = Crowd(who, now, pool, jam, go_on)
        order = crowd.send(jam, 2)
        assert wait_until(lambda: waits_to_commit() or order.done())
        with others.turn(wait=False):
            assert others._has_turn
        assert not order.done()
        assert orders() == 0
        go_on()
        assert order.result(10).order.lines[0].quantity == 2


def waits_to_commit() -> bool:
    """Whether somebody's commit waits for the lock above."""
    with psycopg.connect(superuser_url(), autocommit=True) as superuser:
        waiting = (
            "SELECT 1 FROM pg_locks JOIN pg_database ON pg_database.oid = database "
            "WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted"
        )
        return bool(superuser.execute(waiting).fetchall())


def test_a_group_has_so_many_lines_and_no_more(
    person: Callable[..., Person],
    product: MakeProduct,
    now: datetime,
    own_queue: pytest.MonkeyPatch,
) -> None:
    plug, jam, tea = product(stock=10), product(stock=10), product(stock=10)
    own_queue.setattr(placing, "LIMITS", replace(placing.LIMITS, weight=4))
    own_queue.setattr(placing, "LOCK_WAIT", 4.0)
    with ThreadPoolExecutor(16) as pool, held(plug) as opens:
        crowd = Crowd(person(), now, pool, plug, opens)
        crowd.begin()
        lines = [Wanted(jam, 1), Wanted(tea, 1)]
        sent = [crowd.order(jam, lines=lines) for _ in range(3)]
        opens()
        assert all(one.result(10).order.number for one in sent)
    assert (orders(), transactions()) == (4, 3)


def test_a_cart_counts_as_a_large_order_in_its_group(
    person: Callable[..., Person],
    now: datetime,
    own_queue: pytest.MonkeyPatch,
) -> None:
    """Its lines are known only under its lock."""
    who, seen = person(), list[int]()
    asking = GroupCommit.ask

    def ask(queue: Any, asked: Any, *, weight: int = 1) -> Any:
        seen.append(weight)
        return asking(queue, asked, weight=weight)

    own_queue.setattr(GroupCommit, "ask", ask)
    cart = Placement(customer=who.id, actor=who.customer.public_id, lines=(), cart=CartShown())
    with pytest.raises(DomainError):
        place_order(cart, terms=GBP, now=now)
    assert seen == [placing.LINES_OF_A_CART]


def test_whoever_comes_behind_one_that_waits_for_a_lock_waits_once(
    person: Callable[..., Person],
    product: MakeProduct,
    now: datetime,
    own_queue: pytest.MonkeyPatch,
) -> None:
    """And not once more with the next order of the same product, that came before it was known."""
    stuck, jam = product(stock=10), product(stock=10)
    own_queue.setattr(placing, "LOCK_WAIT", 2.0)
    with ThreadPoolExecutor(16) as pool, held(stuck) as opens:
        crowd, began = Crowd(person(), now, pool, stuck, opens), monotonic()
        first = crowd.begin()
        second, bystander = crowd.order(stuck), crowd.order(jam)
        assert bystander.result(10).order.lines[0].quantity == 1
        assert monotonic() - began < 2 * placing.LOCK_WAIT
        opens()
        assert [one.result(10).order.lines[0].quantity for one in (first, second)] == [1, 1]
    assert orders() == 3
