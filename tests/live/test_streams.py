"""What the streams of a process tell, and when they end."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime
from random import Random
from threading import Thread
from time import time

import psycopg
import pytest
from django.db import connections

from larder.catalog.models import Product
from larder.identity.models import Customer, Session
from larder.live import streams as module
from larder.live.streams import STREAMS_OF_AN_ACCOUNT, Streams, TooManyStreams
from larder.orders.queries.changes import last_event
from larder.orders.services.cart import add_unit
from tests.conftest import Person
from tests.db.feeds import settle, transaction
from tests.live.listening import LONGEST, events, listening, named, place, ready, until

pytestmark = pytest.mark.django_db(transaction=True)

ORDERS = 120


@pytest.fixture
def streams() -> Streams:
    return Streams()


def elsewhere(write: Callable[[], object]) -> Coroutine[None, None, None]:
    """Runs a write in another thread than that of the event loop."""

    def run() -> None:
        write()
        connections.close_all()

    return asyncio.to_thread(run)


@pytest.fixture
def who(person: Callable[..., Person]) -> Person:
    return person()


def test_a_client_that_breaks_off_again_and_again_misses_no_event_of_concurrent_commits(
    streams: Streams, who: Person, person: Callable[..., Person]
) -> None:
    """Transactions of three writers overlap, so that they commit in another order than they got
    their ids."""
    other, random = person(), Random(1)  # noqa: S311
    written: list[str] = []
    settle()
    mark = last_event()

    def write(seed: int) -> None:
        own = Random(seed)  # noqa: S311
        for _ in range(ORDERS // 3):
            with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
                event = place(connection, who.id)
                place(connection, other.id)
                connection.execute("SELECT pg_sleep(%s)", [own.uniform(0, 0.03)])
            written.append(event)

    async def read() -> list[str]:
        nonlocal mark
        seen: list[str] = []
        while len(seen) < ORDERS:
            left = random.randint(1, 20)
            async with listening(streams, who.caller, after=mark) as told:
                while left and len(seen) < ORDERS:
                    (*_, message) = await until(told, lambda _: True)
                    mark = message.mark
                    if message.name == "order":
                        seen.append(message.data["event"])
                        left -= 1
        return seen

    writers = [Thread(target=write, args=[seed]) for seed in range(3)]
    for writer in writers:
        writer.start()
    seen = asyncio.run(read())
    for writer in writers:
        writer.join()
    assert len(seen) == len(set(seen))
    assert set(seen) == set(written)


def test_an_event_that_is_committed_late_is_told_in_its_place(
    streams: Streams, who: Person
) -> None:
    async def listen() -> tuple[list[str], list[str]]:
        async with listening(streams, who.caller) as told:
            await until(told, ready)
            with transaction() as late, transaction() as soon:
                first = place(late, who.id)
                second = place(soon, who.id)
                soon.commit()
                await asyncio.sleep(4 * module.PAUSE)
                late.commit()
            return [first, second], events(
                await until(told, lambda message: events([message]) == [second])
            )

    expected, seen = asyncio.run(listen())
    assert seen == expected


def test_customers_are_told_their_own_events_and_staff_those_of_all(
    streams: Streams, who: Person, person: Callable[..., Person]
) -> None:
    staff, other = person(is_staff=True).caller, person().id

    async def listen() -> None:
        async with (
            listening(streams, who.caller) as own,
            listening(streams, staff) as of_staff,
            listening(streams, staff, sees_all=True) as of_all,
        ):
            for told in (own, of_staff, of_all):
                await until(told, ready)
            with transaction() as connection:
                placed = [place(connection, id) for id in (staff.id, who.id, other, who.id)]
            seen = await until(own, lambda message: events([message]) == [placed[-1]])
            assert events(seen) == [placed[1], placed[3]]
            seen = await until(of_all, lambda message: events([message]) == [placed[-1]])
            assert events(seen) == placed
            (*_, message) = await until(of_staff, lambda message: message.name == "order")
            assert message.data["event"] == placed[0]
        async with listening(streams, staff, after=message.mark, sees_all=True) as resumed:
            assert events(await until(resumed, ready)) == placed[1:]
        async with listening(streams, who.caller, after=message.mark) as resumed:
            assert events(await until(resumed, ready)) == [placed[1], placed[3]]

    asyncio.run(listen())


def test_the_cart_and_the_stock_of_watched_products_are_told_at_first_and_after_changes(
    streams: Streams, who: Person, product: Callable[..., int], now: datetime
) -> None:
    jam, honey = product(stock=3), product(stock=1)

    async def listen() -> None:
        async with listening(streams, who.caller, frozenset({jam})) as told:
            (*_, stock, cart) = await until(told, named("cart"))
            assert stock.data == {"id": jam, "quantity": 3}
            assert cart.data == {"id": None, "version": 0}
            await elsewhere(lambda: add_unit(who.id, honey, now=now))
            (*_, cart) = await until(told, named("cart"))
            assert cart.data["id"] is not None
            await elsewhere(lambda: Product.objects.filter(id=jam).update(archived_at=now))
            (*_, stock) = await until(told, named("product"))
            assert stock.data == {"id": jam, "quantity": None}

    asyncio.run(listen())


def open_session(who: Person) -> Session:
    times = dict.fromkeys(("created_at", "rotated_at", "expires_at"), who.customer.date_joined)
    return Session.objects.create(customer_id=who.id, policy="v1", **times)


def test_a_stream_ends_with_its_session_or_the_right_of_its_owner_or_its_token(
    streams: Streams,
    who: Person,
    person: Callable[..., Person],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "RIGHTS_EVERY", 0.0)
    staff, disabled, session = person(is_staff=True), person(), open_session(who)
    sees_all = staff.caller
    logged_in = replace(who.caller, session=session.pk)

    def take_rights() -> None:
        Session.objects.filter(pk=session.pk).update(ended_at=session.created_at)
        Customer.objects.filter(pk=disabled.id).update(is_active=False)
        staff.customer.groups.clear()

    async def listen() -> None:
        async with AsyncExitStack() as stack:
            begin = stack.enter_async_context
            ending = [
                await begin(listening(streams, logged_in)),
                await begin(listening(streams, disabled.caller)),
                await begin(listening(streams, sees_all, sees_all=True)),
            ]
            staying = await begin(listening(streams, who.caller))
            for told in [*ending, staying]:
                await until(told, ready)
            await elsewhere(take_rights)
            async with asyncio.timeout(LONGEST):
                for told in ending:
                    assert events([message async for message in told]) == []
            with transaction() as connection:
                event = place(connection, who.id)
            assert event in events(await until(staying, lambda message: message.name == "order"))
        async with listening(streams, who.caller, ends_at=time() + 1) as told:
            await until(told, ready)
            async with asyncio.timeout(LONGEST):
                assert events([message async for message in told]) == []

    asyncio.run(listen())


def test_a_client_that_reads_too_slowly_is_cut_off_and_resumes_without_a_gap(
    streams: Streams, who: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_PENDING", 10_000)

    async def listen() -> None:
        async with listening(streams, who.caller) as told:
            (*_, message) = await until(told, ready)
            with transaction() as connection:
                placed = [place(connection, who.id) for _ in range(50)]
            await asyncio.sleep(4 * module.PAUSE)
            assert events([message async for message in told]) == []
        async with listening(streams, who.caller, after=message.mark) as told:
            assert events(await until(told, ready)) == placed

    asyncio.run(listen())


def test_an_account_has_few_streams_at_once_and_a_place_is_free_when_one_ends(
    streams: Streams, who: Person
) -> None:
    async def listen() -> None:
        async with AsyncExitStack() as stack:
            for _ in range(STREAMS_OF_AN_ACCOUNT):
                told = await stack.enter_async_context(listening(streams, who.caller))
                await until(told, ready)
            with pytest.raises(TooManyStreams):
                streams.require_place(who.id)
            async with listening(streams, who.caller) as told:
                assert [message async for message in told] == []
        streams.require_place(who.id)

    asyncio.run(listen())


def test_streams_end_when_the_database_is_replaced(
    streams: Streams, who: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def listen() -> None:
        async with listening(streams, who.caller) as told:
            (*_, message) = await until(told, ready)
            streams._mark = message.mark._replace(epoch="another")
            async with asyncio.timeout(LONGEST):
                assert events([message async for message in told]) == []

    asyncio.run(listen())
