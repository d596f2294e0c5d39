"""Compaction shortens the feed of products, and no reader misses a change."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import count
from random import Random
from typing import Any

import pytest
from django.db import connections

from larder.catalog.models import ProductChange
from larder.catalog.queries import CHANGES
from larder.catalog.services.compaction import compact
from larder.catalog.services.products import archive_product, change_product
from larder.db import database, feed
from larder.db.feed import Mark
from larder.inventory.queries import products
from larder.inventory.queries.changes import Progress, product_changes
from larder.ops import tasks
from tests.conftest import Person
from tests.db.feeds import settle, transaction

pytestmark = pytest.mark.django_db(transaction=True)
MakeProduct = Callable[..., int]
TOUCH = "UPDATE product SET version = version + 1 WHERE id = %s"
RENAME = "UPDATE product SET name = %s, archived_at = NULL WHERE id = %s"
ARCHIVE = "UPDATE product SET name = %s, archived_at = now() WHERE id = %s"


def touch(*changed: int) -> None:
    """Changes products, each in a separate transaction."""
    for one in changed:
        database.execute(TOUCH, [one])


@pytest.fixture
def three(product: MakeProduct) -> list[int]:
    """Products whose creation is in the feed."""
    made = [product() for _ in range(3)]
    settle()
    return made


def rows() -> list[tuple[int, int, int]]:
    """Returns the rows of the feed: transaction, number, product."""
    return database.rows(
        "SELECT transaction_id::text::bigint, position, product_id FROM product_change"
        " ORDER BY transaction_id, position"
    )


def changed_since(after: Mark) -> set[int]:
    """The changed products that a reader at this place gets now, page by page."""
    page = feed.read(CHANGES, after, limit=2)
    return set(page.subjects) | (changed_since(page.mark) if page.more else set())


def marks() -> list[Mark]:
    """Every place where a reader can be: the beginning, and behind each row."""
    epoch = feed.begin(CHANGES).epoch
    return [Mark(epoch, 3, 0), *(Mark(epoch, *row[:2]) for row in rows())]


def test_compaction_keeps_the_last_row_of_each_product(three: list[int]) -> None:
    touch(*three, three[0], three[2], three[0])
    with transaction() as other:
        for one in (three[1], three[2], three[1]):
            other.execute(TOUCH, [one])
    settle()
    last = {row[2]: row for row in rows()}
    there = ProductChange.objects.count()
    assert sum(compact(part=4)) == there - 3
    assert rows() == sorted(last.values())
    assert list(compact(part=4)) == [0]


def test_compaction_works_in_parts_and_looks_for_the_last_row_behind_them(three: list[int]) -> None:
    touch(*three * 4)
    settle()
    before = len(rows())
    deleted = list(compact(part=5))
    assert (sum(deleted), len(rows())) == (before - 3, 3)
    assert len(deleted) == -(-before // 5)
    assert max(deleted) <= 5


def beside_an_open_transaction(three: list[int]) -> list[tuple[set[int], set[int]]]:
    """Returns what a reader at each position gets before and after compaction, while one
    transaction is open and later ones are committed.
    """
    touch(three[0], three[1], three[0])
    settle()
    with transaction() as slow:
        slow.execute(TOUCH, [three[2]])
        touch(three[0], three[1])
        places = marks()
        before = [changed_since(mark) for mark in places]
        assert sum(compact(part=3)) > 0
        after = [changed_since(mark) for mark in places]
    return list(zip(before, after, strict=True))


def assert_no_change_is_missed(outcome: Sequence[tuple[set[int], set[int]]]) -> None:
    assert [before for before, _ in outcome] == [after for _, after in outcome]


def test_each_reader_gets_every_change_beside_an_open_transaction(three: list[int]) -> None:
    assert_no_change_is_missed(beside_an_open_transaction(three))


class Copy:
    """The copy of the catalogue in an app: names by product."""

    def __init__(self, customer: int, *, limit: int = 2) -> None:
        self.customer, self.limit = customer, limit
        self.names: dict[int, str] = {}
        self.progress: Progress | None = None

    def ask(self) -> bool:
        """Reads one page; returns whether there is another."""
        page = product_changes(self.customer, self.progress, limit=self.limit)
        self.names |= {one.id: one.name for one in page.products}
        for one in page.gone:
            self.names.pop(one, None)
        self.progress = page.progress
        return page.more

    def update(self) -> None:
        while self.ask():
            pass

    @property
    def right(self) -> bool:
        """Whether it equals the current catalogue."""
        return self.names == {one.id: one.name for one in products(self.customer, limit=None)}


def test_old_and_new_copies_get_all_changes_after_a_compaction(
    product: MakeProduct, person: Callable[..., Person], now: datetime
) -> None:
    ids = [product() for _ in range(6)]
    settle()
    old, begun = Copy(person().id), Copy(person().id)
    old.update()
    begun.ask()
    for number in range(3):
        change_product(ids[0], {"name": f"Copied before {number}"}, caller=None, now=now)
        change_product(ids[5], {"name": f"Copied after {number}"}, caller=None, now=now)
    for one in (ids[1], ids[4]):
        archive_product(one, caller=None, now=now)
        touch(one, one)
    settle()
    assert tasks.compact_product_changes(0) > 6
    begun.ask()
    tasks.compact_product_changes(0)
    for copy in (old, begun):
        copy.update()
        assert copy.right
        assert ids[1] not in copy.names


class Bustle:
    """Runs slow and fast writers and continuous compaction, while copies are updated."""

    def __init__(self, ids: Sequence[int], *, seconds: float) -> None:
        self.ids, self.numbers = ids, count()
        self.began, self.seconds = time.monotonic(), seconds
        work = [lambda seed=seed: self.write(Random(seed)) for seed in range(5)]  # noqa: S311
        self.deleted = 0
        self.threads = [threading.Thread(target=one) for one in (*work, self.compact)]

    @property
    def going_on(self) -> bool:
        """For the time given, and until something was deleted: transactions of other test
        processes hold the horizon back."""
        lasted = time.monotonic() - self.began
        return lasted < self.seconds or (self.deleted <= 20 and lasted < 90)

    def write(self, random: Random) -> None:
        while self.going_on:
            statement = random.choice((RENAME, RENAME, ARCHIVE))
            with transaction() as own:
                own.execute(statement, [f"Name {next(self.numbers)}", random.choice(self.ids)])
                time.sleep(random.choice((0, 0, 0.002, 0.03)))

    def compact(self) -> None:
        try:
            while self.going_on:
                self.deleted += sum(compact(part=7))
        finally:
            connections.close_all()

    def __enter__(self) -> "Bustle":
        for one in self.threads:
            one.start()
        return self

    def __exit__(self, *error: object) -> None:
        for one in self.threads:
            one.join(120)


def keep_copies(who: int, ids: Sequence[int], *, seconds: float) -> list[Copy]:
    """Updates copies often, sometimes, and from the beginning."""
    eager, lazy, late = Copy(who), Copy(who, limit=3), Copy(who)
    lazy.update()
    with Bustle(ids, seconds=seconds) as bustle:
        while bustle.going_on:
            eager.ask()
            if next(bustle.numbers) % 9 == 0:
                late.ask()
    assert bustle.deleted > 20
    settle()
    sum(compact(part=7))
    for copy in (eager, lazy, late):
        copy.update()
    return [eager, lazy, late]


def all_right(copies: Sequence[Copy]) -> None:
    assert [copy.right for copy in copies] == [True] * 3


@pytest.fixture
def many(product: MakeProduct) -> list[int]:
    """More products than a page has, and few enough that each changes often."""
    return [product() for _ in range(8)]


def test_copies_are_right_after_concurrent_changes_and_compaction(
    many: list[int], person: Callable[..., Person]
) -> None:
    who = person().id
    all_right(keep_copies(who, many, seconds=2))
    assert len(rows()) == len(many)


def test_the_job_compacts_the_whole_feed(
    three: list[int], monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    touch(*three * 3)
    settle()
    monkeypatch.setattr(tasks, "BATCH", 2)
    there = len(rows())
    with django_assert_num_queries(-(-there // 2) + 1):
        assert tasks.compact_product_changes(0) == there - 3
