"""Commits are counted for their request, also where a batch shares a transaction."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import psycopg
import pytest
from django.db import connection, transaction

from larder.core import commits
from larder.core.batch_queue import BatchQueue, Limits
from larder.core.errors import NotFound, Overloaded
from larder.db import database
from larder.db.postgresql.errors import CommitUnknown
from tests.tiers import LONGEST
from tools.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
LIMITS = Limits(queue_timeout=30, fail_fast_after=30)
Run = Callable[[Sequence[int]], list[int | Exception]]


def commit() -> None:
    with transaction.atomic():
        database.rows("SELECT 1")


def test_commits_are_counted_and_reads_and_rollbacks_are_not() -> None:
    commits.restart()
    database.rows("SELECT 1")
    with transaction.atomic():
        database.rows("SELECT 1")
        transaction.set_rollback(True)
    assert commits.count() == 0
    commit()
    assert commits.count() == 1


def test_a_commit_of_an_interrupted_thread_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def end(_: object) -> None:
        raise SystemExit

    commits.restart()
    with monkeypatch.context() as patched:
        patched.setattr(psycopg.Connection, "commit", end)
        with pytest.raises(SystemExit):
            commit()
    assert commits.count() == 1
    assert database.rows("SELECT 1") == [(1,)]


def together(run: Run, numbers: Sequence[int]) -> tuple[list["Future[int]"], list[int]]:
    """Submits all numbers as one batch, each from a separate thread; the first leads.

    Returns the futures and the commits that each thread counted.
    """
    counted: dict[int, int] = {}
    begun, go_on = Event(), Event()

    def after_the_first(group: Sequence[int]) -> list[int | Exception]:
        if list(group) == [0]:
            begun.set()
            assert go_on.wait(LONGEST)
            return [0]
        return run(group)

    queue: BatchQueue[int, int] = BatchQueue(after_the_first, LIMITS, unknown=CommitUnknown)

    def ask(number: int) -> int:
        commits.restart()
        try:
            return queue.submit(number)
        finally:
            counted[number] = commits.count()
            connection.close()

    with ThreadPoolExecutor(len(numbers) + 1) as pool:
        pool.submit(ask, 0)
        assert begun.wait(LONGEST)
        asked = []
        for number in numbers:
            asked.append(pool.submit(ask, number))
            assert wait_until(lambda: len(queue._waiting) == len(asked))
        go_on.set()
    return asked, [counted[number] for number in numbers]


@pytest.mark.parametrize("refused", [1, 2])
def test_a_batch_commit_counts_for_its_accepted_requests(refused: int) -> None:
    """The thread of the first request commits for all."""

    def run(group: Sequence[int]) -> list[int | Exception]:
        commit()
        return [NotFound() if one == refused else one for one in group]

    asked, counted = together(run, [1, 2, 3])
    assert isinstance(asked[refused - 1].exception(), NotFound)
    assert counted == [0 if number == refused else 1 for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("committed", "expected"), [(False, Overloaded), (True, CommitUnknown)], ids=["before", "after"]
)
def test_an_interrupted_batch_reports_whether_it_committed(
    committed: bool,
    expected: type[Exception],
) -> None:
    def run(group: Sequence[int]) -> list[int | Exception]:
        if committed:
            commit()
        raise SystemExit

    asked, _ = together(run, [1, 2, 3])
    assert isinstance(asked[0].exception(), SystemExit)
    assert [type(one.exception()) for one in asked[1:]] == [expected, expected]
