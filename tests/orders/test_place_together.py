"""Concurrent orders form batches; a failure affects one order only."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection

from larder.core.errors import Overloaded
from larder.core.ids import new_id
from larder.inventory import queries as inventory
from larder.inventory.errors import InsufficientStock
from larder.orders.decision import RequestedLine
from larder.orders.services import batches
from larder.orders.services.placing.placement import Placed, Placement
from tests.conftest import Person
from tests.database import superuser_url
from tests.orders.crowd import GBP, LOCK, Crowd, held, orders, transactions, turn_held
from tests.orders.placing import place_orders
from tests.tiers import LONGEST
from tools.processes import wait_until

MakeProduct = Callable[..., int]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def server_thread() -> None:
    """Orders are placed in a thread of their own, as in a server."""
    batches.start(GBP)


@pytest.fixture
def crowd(
    person: Callable[..., Person],
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Crowd]:
    """Its orders wait for their turn."""
    monkeypatch.setattr(batches, "LOCK_WAIT", LONGEST)
    with ThreadPoolExecutor(16) as pool, turn_held() as opens:
        yield Crowd(person(), now, pool, opens)


def test_waiting_orders_are_placed_in_one_transaction(crowd: Crowd, product: MakeProduct) -> None:
    jam = product(stock=10)
    sent = [crowd.order(jam) for _ in range(8)]
    crowd.opens()
    numbers = [future.result(LONGEST).order.number for future in sent]
    assert len(set(numbers)) == 8
    assert inventory.available([jam]) == {jam: 2}
    assert (orders(), transactions()) == (8, 1)


def test_an_order_above_the_stock_is_refused_and_the_next_gets_the_rest(
    crowd: Crowd, product: MakeProduct
) -> None:
    jam = product(stock=10)
    six, five, four = (crowd.order(jam, units) for units in (6, 5, 4))
    crowd.opens()
    assert [future.result(LONGEST).order.lines[0].quantity for future in (six, four)] == [6, 4]
    with pytest.raises(InsufficientStock) as refused:
        five.result(LONGEST)
    assert refused.value.lines[0]["available"] == 4
    assert inventory.available([jam]) == {jam: 0}


def test_equal_requests_in_a_batch_place_one_order(crowd: Crowd, product: MakeProduct) -> None:
    jam, key = product(stock=10), "once"
    sent = [crowd.order(jam, key=key) for _ in range(4)]
    crowd.opens()
    answers = [future.result(LONGEST) for future in sent]
    assert len({answer.order.id for answer in answers}) == 1
    assert [answer.replayed for answer in answers].count(False) == 1
    assert inventory.available([jam]) == {jam: 9}


def test_a_waiting_thread_holds_no_connection(crowd: Crowd, product: MakeProduct) -> None:
    """Many threads share few connections, and the leader needs one."""
    jam = product(stock=10)
    own: list[Any] = []

    def order() -> Placed:
        connection.ensure_connection()
        own.append(connection.connection)
        return crowd._place(crowd.placement(jam, 1))

    crowd.order(jam)
    sent = [crowd.pool.submit(order) for _ in range(5)]
    assert wait_until(lambda: len(own) == 5 and all(link.closed for link in own))
    assert not any(future.done() for future in sent)
    crowd.opens()
    assert len({future.result(LONGEST).order.id for future in sent}) == 5


def test_locked_stock_delays_no_other_order_and_its_orders_are_placed_when_it_is_free(
    person: Callable[..., Person], product: MakeProduct, now: datetime
) -> None:
    """Those of a large order too, and of a product that is locked before another."""
    jam, stuck, tea = product(stock=100), product(stock=200), product(stock=100)
    with ThreadPoolExecutor(20) as pool, held(stuck) as opens:
        crowd = Crowd(person(), now, pool, opens)
        both = [RequestedLine(tea, 1), RequestedLine(stuck, 1)]
        waits = [crowd.send(stuck, lines=both) for _ in range(8)]
        waits.append(crowd.send(stuck, lines=[RequestedLine(stuck, 1)] * 100))
        for _ in range(20):
            crowd.send(jam).result(LONGEST)
        assert crowd.send(tea).result(LONGEST)
        assert not any(future.done() for future in waits)
        opens()
        assert len({future.result(LONGEST).order.id for future in waits}) == 9
    assert inventory.available([jam, stuck, tea]) == {jam: 80, stuck: 92, tea: 91}


def test_equal_requests_for_locked_stock_place_one_order_when_it_is_free(
    person: Callable[..., Person], product: MakeProduct, now: datetime
) -> None:
    stuck = product(stock=200)
    with ThreadPoolExecutor(20) as pool, held(stuck) as opens:
        crowd = Crowd(person(), now, pool, opens)
        sent = [crowd.send(stuck, key="once") for _ in range(6)]
        queue = batches._server[0].queue
        assert wait_until(lambda: queue._present == len(sent))
        opens()
        assert len({future.result(LONGEST).order.id for future in sent}) == 1
    assert inventory.available([stuck]) == {stuck: 199}


def test_an_order_of_stock_that_stays_locked_is_refused_in_the_end(
    person: Callable[..., Person],
    product: MakeProduct,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stuck = product(stock=10)
    monkeypatch.setattr(batches, "LIMITS", replace(batches.LIMITS, queue_timeout=0.5))
    with ThreadPoolExecutor(2) as pool, held(stuck) as opens:
        crowd = Crowd(person(), now, pool, opens)
        small, large = crowd.send(stuck), crowd.send(stuck, lines=[RequestedLine(stuck, 1)] * 100)
        assert isinstance(small.exception(LONGEST), Overloaded)
        assert isinstance(large.exception(LONGEST), Overloaded)
    assert orders() == 0


def test_a_server_that_hangs_with_the_turn_does_not_stop_the_others(
    person: Callable[..., Person], product: MakeProduct, now: datetime
) -> None:
    jam = product(stock=10)
    with ThreadPoolExecutor(2) as pool, turn_held() as opens:
        crowd = Crowd(person(), now, pool, opens)
        assert {crowd.send(jam).result(LONGEST).replayed for _ in range(3)} == {False}
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
    assert len({future.result(LONGEST).order.id for future in sent}) == 3
    assert inventory.available([jam]) == {jam: 7}


def test_answers_are_built_after_the_locks_are_released(
    person: Callable[..., Person],
    product: MakeProduct,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    who, jam = person(), product(stock=5)
    asked = Placement(customer=who.id, actor=who.customer.public_id, lines=[RequestedLine(jam, 2)])

    def look(*_: Any, **__: Any) -> None:
        free = LOCK.replace("FOR UPDATE", "FOR UPDATE NOWAIT")
        with psycopg.connect(superuser_url()) as other:
            other.execute(free, [jam])
        seen.append(orders())

    seen: list[int] = []
    monkeypatch.setattr("larder.orders.services.placing.place_batch.placed", look)
    place_orders([asked], terms=GBP, now=now)
    assert seen == [1]
