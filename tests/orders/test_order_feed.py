"""The feed of a customer's orders misses no change and costs the same for any number of orders."""

import threading
import time
from collections.abc import Callable
from datetime import datetime
from itertools import cycle
from random import Random
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from larder.core.ids import new_id
from larder.db import database, feed
from larder.db.feed import Feed, Mark
from larder.orders import queries
from larder.orders.models import Order
from larder.orders.queries import changes
from larder.orders.queries.changes import OrderProgress, order_changes
from larder.orders.services.cart import add_unit, remove_unit
from tests.conftest import Person
from tests.database import analyze
from tests.db.feeds import settle
from tests.db.feeds import transaction as of_another

pytestmark = pytest.mark.django_db(transaction=True)
CHANGES = changes.CHANGES
TOUCH = 'UPDATE "order" SET version = version + 1 WHERE id = %s'
FILL = """
INSERT INTO "order" (id, customer_id, status, currency, total, note, reference, created_at,
                     placed_at, updated_at, version)
SELECT made.id, %s, 'delivered', 'GBP', 0, '', '', %s,
       %s::timestamptz + number * interval '1 second', %s, 1
FROM unnest(%s::uuid[]) WITH ORDINALITY AS made (id, number)
RETURNING id
"""
Fill = Callable[[int], tuple[Person, list[UUID]]]


@pytest.fixture
def fill(person: Callable[..., Person], now: datetime) -> Fill:
    """Makes a customer with so many orders, which the feed has returned.

    Ids ascend with the time of creation, so new orders are in neighbouring index entries. The table
    is analyzed: plans must not depend on dead rows of earlier tests.
    """

    def make(count: int) -> tuple[Person, list[UUID]]:
        who = person()
        ids = [new_id() for _ in range(count)]
        orders = [row[0] for row in database.rows(FILL, [who.id, now, now, now, ids])]
        analyze("order")
        settle()
        return who, orders

    return make


def slow_and_fast(read: Feed, customer: int, slowly: UUID, fast: UUID) -> list[UUID]:
    """Returns what a polling reader gets between the commits of a fast writer and of a slow one
    that began earlier.
    """
    met: list[UUID] = []

    def poll(after: Mark) -> Mark:
        page = feed.read(read, after, limit=9, parameters=[customer])
        met.extend(page.subjects)
        return page.mark

    start = feed.begin(read, parameters=[customer])
    with of_another() as slow:
        slow.execute(TOUCH, [slowly])
        with of_another() as other:
            other.execute(TOUCH, [fast])
        between = poll(start)
    settle()
    poll(between)
    return met


def test_the_feed_has_a_move_that_commits_late(fill: Fill) -> None:
    who, two = fill(2)
    assert sorted(slow_and_fast(CHANGES, who.id, *two)) == sorted(two)


def test_an_order_moved_twice_is_in_the_feed_once_with_its_last_move(
    fill: Fill,
) -> None:
    """Its earlier entry in the feed is removed: no reader may need it."""
    who, (first, second) = fill(2)
    start = feed.begin(CHANGES, parameters=[who.id])
    for moved in (first, second, first):
        database.execute(TOUCH, [moved])
    settle()
    page = feed.read(CHANGES, start, limit=9, parameters=[who.id])
    assert page.subjects == [second, first]


def copy_of_a_crowd(
    read: Feed, customer: int, ids: list[UUID], *, seconds: float
) -> dict[UUID, int]:
    """Returns the versions that a polling reader has while many writers move orders in slow
    transactions.
    """
    stop, start = time.monotonic() + seconds, feed.begin(read, parameters=[customer])
    have: dict[UUID, int] = {}

    def move(seed: int) -> None:
        pauses, random = cycle([0, 0, 0.005, 0.05, 0.01 * seed]), Random(seed)  # noqa: S311
        while time.monotonic() < stop:
            with of_another() as own:
                own.execute(TOUCH, [random.choice(ids)])
                time.sleep(next(pauses))

    def poll(after: Mark) -> Mark:
        page = feed.read(read, after, limit=3, parameters=[customer])
        have.update({id: order.version for id, order in queries.orders(page.subjects).items()})
        return poll(page.mark) if page.more else page.mark

    writers = [threading.Thread(target=move, args=[seed]) for seed in range(6)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        start = poll(start)
    settle()
    poll(start)
    return have


def as_they_stand(ids: list[UUID]) -> dict[UUID, int]:
    return {id: order.version for id, order in queries.orders(ids).items()}


def test_a_copy_made_during_concurrent_moves_equals_the_orders(fill: Fill) -> None:
    who, ids = fill(12)
    copy = copy_of_a_crowd(CHANGES, who.id, ids, seconds=1.5)
    moved = {id: version for id, version in as_they_stand(ids).items() if version > 1}
    assert copy == moved != {}


def test_every_write_to_a_placed_order_is_in_the_feed(fill: Fill) -> None:
    who, (order, _) = fill(2)
    start = feed.begin(CHANGES, parameters=[who.id])
    Order.objects.filter(pk=order).update(reference="by hand")
    settle()
    assert feed.read(CHANGES, start, limit=9, parameters=[who.id]).subjects == [order]


def test_a_changed_cart_is_not_in_the_feed(
    person: Callable[..., Person], product: Callable[..., int], now: datetime
) -> None:
    """The update of its row changes no index."""
    who, jam = person(), product()
    add_unit(who.id, jam, now=now)
    before = _place_in_the_feed(who.id)
    add_unit(who.id, jam, now=now)
    remove_unit(who.id, jam, now=now)
    assert _place_in_the_feed(who.id) == before


def _place_in_the_feed(customer: int) -> list[tuple[object, ...]]:
    return database.rows('SELECT transaction_id FROM "order" WHERE customer_id = %s', [customer])


CUSTOMERS = (30, 3_000, 30_000)
"""Customers with so many orders. What one of them asks for is to cost what it costs another."""


def blocks(ask: Callable[[], object]) -> int:
    """Returns the number of blocks of tables and indexes that the statements of `ask` read."""
    with CaptureQueriesContext(connection) as asked:
        ask()
    assert asked.captured_queries
    return sum(_blocks(query["sql"]) for query in asked.captured_queries)


def _blocks(statement: str) -> int:
    explained = f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {statement}"
    (answers,) = database.rows(explained)[0][0]
    return int(answers["Plan"]["Shared Hit Blocks"] + answers["Plan"]["Shared Read Blocks"])


def asked_of(who: Person) -> dict[str, Callable[[], object]]:
    """Returns the requests of an app: without changes, in its first copy, and much later."""
    now = OrderProgress(feed.begin(CHANGES, parameters=[who.id]))
    copying = order_changes(who.id, None, limit=10).progress
    long_ago = OrderProgress(now.mark._replace(transaction_id=1))
    return {
        "nothing new": lambda: order_changes(who.id, now, limit=20),
        "a full copy begun": lambda: order_changes(who.id, None, limit=20),
        "a page of a full copy": lambda: order_changes(who.id, copying, limit=20),
        "far behind": lambda: order_changes(who.id, long_ago, limit=20),
    }


def test_the_feed_reads_the_same_blocks_for_few_orders_and_many(fill: Fill) -> None:
    people = [fill(count)[0] for count in CUSTOMERS]
    costs = [{name: blocks(ask) for name, ask in asked_of(who).items()} for who in people]
    for name in costs[0]:
        few, *more = (cost[name] for cost in costs)
        assert all(cost <= few + 10 for cost in more), costs
    assert max(cost["nothing new"] for cost in costs) <= 8, costs
