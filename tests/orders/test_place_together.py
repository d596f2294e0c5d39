"""Concurrent orders form batches; a failure affects one order only."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from time import monotonic
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, OperationalError, connection

from larder.core import telemetry
from larder.core.errors import Overloaded
from larder.core.ids import new_id
from larder.core.stopwatch import Stopwatch
from larder.inventory import queries as inventory
from larder.inventory.errors import InsufficientStock
from larder.inventory.services import locks
from larder.orders.decision import Wanted
from larder.orders.services.placing import place_order as placing
from larder.orders.services.placing.placement import Placed, Placement
from tests.conftest import Person
from tests.database import superuser_url
from tests.orders.crowd import GBP, LOCK, Crowd, held, orders, transactions
from tests.orders.placing import place_orders
from tests.tiers import LONGEST
from tools.processes import wait_until

MakeProduct = Callable[..., int]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def crowd(
    person: Callable[..., Person],
    product: MakeProduct,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Crowd]:
    """The first order of it is being placed, and waits for a product that a client holds: longer
    than orders do, so that it does not enter the contended lane before the others have come."""
    plug, usual = product(stock=100), placing.LOCK_WAIT
    with ThreadPoolExecutor(16) as pool, held(plug) as let_go:

        def opens(lock_wait: float = usual) -> None:
            monkeypatch.setattr(placing, "LOCK_WAIT", lock_wait)
            let_go()

        monkeypatch.setattr(placing, "LOCK_WAIT", 4.0)
        made = Crowd(person(), now, pool, plug, opens)
        made.begin()
        yield made


def test_waiting_orders_are_placed_in_one_transaction(crowd: Crowd, product: MakeProduct) -> None:
    jam = product(stock=10)
    sent = [crowd.order(jam) for _ in range(8)]
    crowd.opens()
    numbers = [one.result(LONGEST).order.number for one in sent]
    assert len(set(numbers)) == 8
    assert inventory.available([jam]) == {jam: 2}
    assert (orders(), transactions()) == (9, 2)


def test_an_order_above_the_stock_is_refused_and_the_next_gets_the_rest(
    crowd: Crowd, product: MakeProduct
) -> None:
    jam = product(stock=10)
    six, five, four = (crowd.order(jam, units) for units in (6, 5, 4))
    crowd.opens()
    assert [one.result(LONGEST).order.lines[0].quantity for one in (six, four)] == [6, 4]
    with pytest.raises(InsufficientStock) as refused:
        five.result(LONGEST)
    assert refused.value.lines[0]["available"] == 4
    assert inventory.available([jam]) == {jam: 0}


def test_equal_requests_in_a_batch_place_one_order(crowd: Crowd, product: MakeProduct) -> None:
    jam, key = product(stock=10), "once"
    sent = [crowd.order(jam, key=key) for _ in range(4)]
    crowd.opens()
    answers = [one.result(LONGEST) for one in sent]
    assert len({one.order.id for one in answers}) == 1
    assert [one.replayed for one in answers].count(False) == 1
    assert inventory.available([jam]) == {jam: 9}


def test_a_waiting_thread_holds_no_connection(crowd: Crowd, product: MakeProduct) -> None:
    """Many threads share few connections, and the leader needs one."""
    jam = product(stock=10)
    own: list[Any] = []

    def order() -> Placed:
        connection.ensure_connection()
        own.append(connection.connection)
        return crowd._place(crowd.placement(jam, 1))

    sent = [crowd.pool.submit(order) for _ in range(5)]
    assert wait_until(lambda: len(own) == 5 and all(one.closed for one in own))
    assert not any(one.done() for one in sent)
    crowd.opens()
    assert len({one.result(LONGEST).order.id for one in sent}) == 5


def test_an_order_that_waits_for_a_lock_does_not_delay_its_batch(
    crowd: Crowd, product: MakeProduct
) -> None:
    jam, stuck = product(stock=10), product(stock=10)
    with held(stuck):
        before, waits, after = crowd.order(jam), crowd.order(stuck), crowd.order(jam)
        crowd.opens()
        # The role's limit is 5 s.
        assert [one.result(4).replayed for one in (before, after)] == [False, False]
        with pytest.raises(OperationalError) as refused:
            waits.result(LONGEST)
        assert refused.value.__cause__.sqlstate == "55P03"  # type: ignore[union-attr]
    assert inventory.available([jam, stuck]) == {jam: 8, stuck: 10}
    assert orders() == 3


@pytest.fixture
def unlucky() -> Iterator[Callable[[str], None]]:
    """The database fails on orders with the note "unlucky", with an SQLSTATE: always, or in one
    transaction only."""
    with psycopg.connect(superuser_url(), autocommit=True) as superuser:

        def fail(state: str, times: int = 1_000_000) -> None:
            superuser.execute("CREATE SEQUENCE public.bad_luck")
            superuser.execute("GRANT USAGE ON SEQUENCE public.bad_luck TO PUBLIC")
            superuser.execute(
                "CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                f"IF NEW.note = 'unlucky' AND nextval('public.bad_luck') <= {times} THEN "
                f"RAISE EXCEPTION 'bad luck' USING ERRCODE = '{state}'; END IF; "
                "RETURN NEW; END $$"
            )
            superuser.execute(
                'CREATE TRIGGER bad_luck BEFORE INSERT ON orders."order" '
                "FOR EACH ROW EXECUTE FUNCTION public.fail()"
            )

        yield fail
        superuser.execute("DROP FUNCTION IF EXISTS public.fail CASCADE")
        superuser.execute("DROP SEQUENCE IF EXISTS public.bad_luck")


@pytest.mark.parametrize("state", ["23505", "22003", "40001", "40P01", "57014"])
def test_a_database_error_fails_only_the_order_that_causes_it(
    state: str, crowd: Crowd, product: MakeProduct, unlucky: Callable[[str], None]
) -> None:
    """The error is a constraint, a number out of range, a serialization failure, a deadlock or a
    time limit.
    """
    jam = product(stock=10)
    unlucky(state)
    sent = [crowd.order(jam, note=note, key=f"{new_id()}") for note in ("", "unlucky", "")]
    crowd.opens()
    assert sent[0].result(LONGEST).order.lines
    assert sent[2].result(LONGEST).order.lines
    with pytest.raises(DatabaseError, match="bad luck"):
        sent[1].result(LONGEST)
    assert inventory.available([jam]) == {jam: 8}


def test_a_deadlock_of_a_batch_loses_no_order(
    crowd: Crowd, product: MakeProduct, unlucky: Callable[[str, int], None]
) -> None:
    jam = product(stock=10)
    unlucky("40P01", 1)
    sent = [crowd.order(jam, note=note) for note in ("", "unlucky", "")]
    crowd.opens()
    assert len({one.result(LONGEST).order.id for one in sent}) == 3
    assert inventory.available([jam]) == {jam: 7}


def test_orders_committed_before_an_equal_request_fails_are_not_placed_again(
    crowd: Crowd, product: MakeProduct
) -> None:
    """Requests with equal keys are placed in separate transactions: when the second transaction
    fails, the first is committed, with all its orders without a key.
    """
    jam, tea, stuck = product(stock=50), product(stock=0), product(stock=10)
    with held(stuck):
        without_key = [crowd.order(jam) for _ in range(6)]
        refused = crowd.order(tea, key="twin")
        waits = [crowd.order(stuck, key="twin"), crowd.order(stuck, key="twin")]
        crowd.opens()
        assert len({one.result(LONGEST).order.id for one in without_key}) == 6
        with pytest.raises(InsufficientStock):
            refused.result(LONGEST)
        assert [type(one.exception(20)) for one in waits] == [OperationalError] * 2
    assert inventory.available([jam]) == {jam: 44}
    assert orders() == 7


def test_a_locked_product_does_not_delay_orders_of_other_products(
    person: Callable[..., Person],
    product: MakeProduct,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its orders wait in the contended lane, and no other order waits for them."""
    jam, stuck = product(stock=100), product(stock=100)
    # Longer than a loaded machine takes for an order.
    monkeypatch.setattr(placing, "LOCK_WAIT", 1.0)
    with ThreadPoolExecutor(20) as pool, held(stuck) as opens:
        crowd = Crowd(person(), now, pool, stuck, opens)
        waits = [crowd.send(stuck) for _ in range(10)]
        assert wait_until(lambda: placing._lane.is_contended([stuck]))
        began = monotonic()
        for _ in range(20):
            waits.append(crowd.send(stuck))
            crowd.send(jam).result(LONGEST)
        # Were each of the twenty to wait for the lock, it would be twice this.
        assert monotonic() - began < 10 * placing.LOCK_WAIT
        refused = [one for one in waits if one.done()]
        assert {type(one.exception()) for one in refused} == {Overloaded}
        assert len(waits) - len(refused) == placing.MOST_CONTENDED
        opens()
        for one in waits:
            assert one in refused or one.result(LONGEST).order.lines
    assert not placing._lane.is_contended([stuck])
    assert inventory.available([jam, stuck]) == {jam: 80, stuck: 100 - placing.MOST_CONTENDED}


def test_a_locked_product_is_marked_before_its_order_waits_in_the_contended_lane(
    crowd: Crowd, product: MakeProduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    jam, stuck = product(stock=9), product(stock=9)
    monkeypatch.setattr(placing, "LANE_WAIT", 0.0)
    with held(stuck):
        refused, placed = crowd.order(stuck), crowd.order(jam)
        crowd.opens()
        assert placed.result(LONGEST).order.lines
        assert isinstance(refused.exception(20), Overloaded)
    assert placing._lane._marked.keys() == {stuck}


def test_many_locked_products_cost_one_wait_and_not_one_each(
    crowd: Crowd, product: MakeProduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    jam, stuck = product(stock=9), [product(stock=9) for _ in range(14)]
    monkeypatch.setattr(placing, "LOCK_WAIT", 1.0)
    with ExitStack() as others:
        for one in stuck:
            others.enter_context(held(one))
            crowd.order(one)
        last = crowd.order(jam)
        crowd.opens(1.0)
        running = Stopwatch()
        assert last.result(60).order.lines
        # Were each of the fourteen given LOCK_WAIT, it would be longer.
        assert running.seconds < 7 * placing.LOCK_WAIT


class Counted:
    """An observer that counts the answers."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def batch_done(self, batch: telemetry.Batch) -> None:
        self.sizes.append(len(batch.results))

    def refused(self, reason: telemetry.Reason) -> None:
        raise AssertionError(reason)


def test_orders_in_the_contended_lane_are_counted(
    crowd: Crowd, product: MakeProduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted, jam = Counted(), product(stock=10)
    monkeypatch.setattr(telemetry.placing, "_watching", [counted])
    monkeypatch.setattr(placing._lane, "_rows", Counter([jam]))
    crowd.opens()
    crowd.send(jam).result(LONGEST)
    assert 1 in counted.sizes


def test_an_order_in_the_contended_lane_locks_no_row_while_it_waits(
    person: Callable[..., Person], product: MakeProduct, now: datetime
) -> None:
    """The rows before the contended one in the order of locking would be contended as well."""
    jam, stuck = product(stock=9), product(stock=9)
    with ThreadPoolExecutor(1) as pool, held(stuck) as let_go:
        crowd = Crowd(person(), now, pool, jam, let_go)
        large = crowd.send(jam, lines=[Wanted(jam, 1), Wanted(stuck, 1)])
        assert wait_until(lambda: placing._lane.is_contended([stuck]))
        assert wait_until(lambda: bool(placing._lane._rows))
        assert not placing._lane.is_contended([jam])
        assert locks.find_locked([jam, stuck]) == [stuck]
        let_go()
        assert len(large.result(LONGEST).order.lines) == 2


def test_a_lost_connection_fails_all_orders_of_the_batch_and_places_none_twice(
    crowd: Crowd, product: MakeProduct
) -> None:
    """It may have been lost after the commit: a retry would place the orders twice."""
    jam, stuck = product(stock=10), product(stock=10)
    with held(stuck):
        keys = [f"{new_id()}" for _ in range(3)]
        sent = [crowd.order(*what) for what in ((jam,), (stuck,), (jam,))]
        # The group still waits when its connection ends, however busy the machine is.
        crowd.opens(lock_wait=20.0)
        crowd.sent[0].result(LONGEST)
        end_the_backend_that_waits()
        for one in sent:
            with pytest.raises(OperationalError):
                one.result(LONGEST)
    assert orders() == 1
    again = [crowd.send(jam, key=key).result(LONGEST).replayed for key in keys]
    assert again == [False] * 3


def end_the_backend_that_waits() -> None:
    """Ends the connection as an administrator or a failover does."""
    with psycopg.connect(superuser_url(), autocommit=True) as superuser:
        end = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        assert wait_until(lambda: bool(superuser.execute(end).fetchall()))


def test_answers_are_built_after_the_locks_are_released(
    person: Callable[..., Person],
    product: MakeProduct,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    who, jam = person(), product(stock=5)
    asked = Placement(customer=who.id, actor=who.customer.public_id, lines=[Wanted(jam, 2)])

    def look(*_: Any, **__: Any) -> None:
        free = LOCK.replace("FOR UPDATE", "FOR UPDATE NOWAIT")
        with psycopg.connect(superuser_url()) as other:
            other.execute(free, [jam])
        seen.append(orders())

    seen: list[int] = []
    monkeypatch.setattr("larder.orders.services.placing.place_batch.answer_placed", look)
    place_orders([asked], terms=GBP, now=now)
    assert seen == [1]
