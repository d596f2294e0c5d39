"""The feed misses no change in any order of commits, and reports when a mark is of another
history."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import cycle

import pytest

from larder.db import database, feed
from larder.db.feed import Feed, Mark, SinceExpired
from larder.inventory.changes import CHANGES
from tests.conftest import add_products
from tests.db.feeds import settle, transaction

pytestmark = pytest.mark.django_db(transaction=True)

TOUCH = "UPDATE product SET version = version + 1 WHERE id = %s"


@pytest.fixture
def two(product: Callable[..., int]) -> tuple[int, int]:
    """Two products that the feed has already returned."""
    products = product(), product()
    settle()
    return products


def slow_and_fast(read: Feed, slowly: int, fast: int) -> list[int]:
    """Returns what a polling reader gets when the writer with the lower number commits last."""
    mark = feed.begin(read)
    start = feed.read(read, mark, limit=100).mark
    met: list[int] = []

    def poll(after: Mark) -> Mark:
        page = feed.read(read, after, limit=100)
        met.extend(page.subjects)
        return page.mark

    with transaction() as slow:
        slow.execute(TOUCH, [slowly])
        with transaction() as other:
            other.execute(TOUCH, [fast])
        between = poll(start)
    settle()
    poll(between)
    return met


def test_a_change_that_commits_late_is_met(two: tuple[int, int]) -> None:
    assert sorted(slow_and_fast(CHANGES, *two)) == sorted(two)


def test_the_feed_ends_before_the_oldest_open_transaction(two: tuple[int, int]) -> None:
    slowly, fast = two
    mark = feed.begin(CHANGES)
    with transaction() as slow:
        slow.execute(TOUCH, [slowly])
        with transaction() as other:
            other.execute(TOUCH, [fast])
        assert feed.read(CHANGES, mark, limit=9).subjects == []
    settle()
    assert feed.read(CHANGES, mark, limit=9).subjects == [slowly, fast]


def test_a_copy_begins_before_what_is_still_open(two: tuple[int, int]) -> None:
    """The copy does not contain it, so its position must be after the copy's mark."""
    slowly, fast = two
    with transaction() as slow:
        slow.execute(TOUCH, [slowly])
        with transaction() as other:
            other.execute(TOUCH, [fast])
        mark = feed.begin(CHANGES)
    settle()
    assert slowly in feed.read(CHANGES, mark, limit=9).subjects


def missed(read: Feed, *, products: Sequence[int]) -> set[int]:
    """Returns the products, each changed once by one of many writers, that a polling reader never
    received."""
    start = feed.read(read, feed.begin(read), limit=1).mark
    rest, written = iter(products), list[int]()

    def write(seed: int) -> None:
        pauses = cycle([0, 0, 0.005, 0.05, 0.01 * seed])
        while product := next(rest, None):
            with transaction() as own:
                own.execute(TOUCH, [product])
                time.sleep(next(pauses))
            written.append(product)

    met: list[int] = []

    def poll(after: Mark) -> Mark:
        page = feed.read(read, after, limit=50)
        met.extend(page.subjects)
        return poll(page.mark) if page.more else page.mark

    writers = [threading.Thread(target=write, args=[seed]) for seed in range(6)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        start = poll(start)
    settle()
    poll(start)
    assert len(written) == len(products)
    assert len(met) == len(set(met))
    return set(written) - set(met)


def test_a_reader_of_a_crowd_meets_each_change_once(now: datetime) -> None:
    products = add_products(200, now=now)
    settle()
    assert missed(CHANGES, products=products) == set()


def test_a_page_ends_at_its_limit_and_reports_that_more_follow(two: tuple[int, int]) -> None:
    mark = feed.begin(CHANGES)
    for id in (*two, *two):
        database.execute(TOUCH, [id])
    settle()
    first = feed.read(CHANGES, mark, limit=1)
    rest = feed.read(CHANGES, first.mark, limit=1)
    assert (first.subjects, first.more) == ([two[0]], True)
    assert (rest.subjects, rest.more) == ([two[1]], False)
    assert feed.read(CHANGES, rest.mark, limit=1) == feed.Page([], rest.mark, more=False)


def test_a_page_may_end_within_a_transaction(two: tuple[int, int]) -> None:
    mark = feed.begin(CHANGES)
    with transaction() as own:
        for id in reversed(two):
            own.execute(TOUCH, [id])
    settle()
    first = feed.read(CHANGES, mark, limit=1)
    rest = feed.read(CHANGES, first.mark, limit=1)
    assert (first.subjects, rest.subjects) == ([two[0]], [two[1]])


def test_a_mark_of_another_history_has_expired(two: tuple[int, int]) -> None:
    mark = feed.begin(CHANGES)
    ahead = mark._replace(transaction_id=mark.transaction_id + 1_000_000)
    for other in (mark._replace(epoch="another"), ahead):
        with pytest.raises(SinceExpired):
            feed.read(CHANGES, other, limit=1)


def test_the_epoch_is_the_cluster_its_timeline_the_database_and_the_table(db: None) -> None:
    cluster, timeline, holder, table = feed.begin(CHANGES).epoch.split(".")
    named = "SELECT (SELECT system_identifier FROM pg_control_system())::text"
    assert database.rows(named) == [(cluster,)]
    assert int(timeline, 16) == 1
    ((oid, own),) = database.rows(
        "SELECT (SELECT oid FROM pg_database WHERE datname = current_database())::text,"
        " 'catalog.product'::regclass::oid::text"
    )
    assert (holder, table) == (oid, own)
