"""Company: a leader waits for as many as came lately, for a while; on an idle server for nobody."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from random import Random
from threading import Event
from time import monotonic, sleep

import pytest

from larder.common import company
from larder.common.company import PACE, REMEMBERED, Company
from larder.common.group_commit import GroupCommit, Limits
from larder.common.turnstile import Turns
from larder.orders.services.place_order import LIMITS
from tools.processes import wait_until

LONG = 30.0
"""Seconds: more than any of these tests takes."""
SOON = 5.0
"""Seconds in which whoever waits for nobody is answered on a busy machine."""


class Counted(Turns):
    """Turns that are always free, and how often one was taken."""

    taken = 0

    @contextmanager
    def turn(self, *, wait: bool) -> Iterator[None]:
        self.taken += 1
        yield


class Till:
    """A queue that waits for company, and what groups came of it."""

    def __init__(self, pool: ThreadPoolExecutor, most: float = 4 * LONG) -> None:
        self.groups: list[list[int]] = []
        self.open = Event()
        self.open.set()
        self._pool = pool
        limits = Limits(patience=4 * LONG, outage_patience=LONG, company=most)
        self.turns = Counted()
        self.queue: GroupCommit[int, int] = GroupCommit(self._run, limits, turns=self.turns)

    def _run(self, group: Sequence[int]) -> list[int]:
        self.groups.append(list(group))
        assert self.open.wait(LONG)
        return list(group)

    def ask(self, number: int) -> "Future[int]":
        """Begun, and in the queue or in a group by now."""
        before = len(self.queue._waiting) + sum(map(len, self.groups))
        answer = self._pool.submit(self.queue.ask, number)
        assert wait_until(
            lambda: len(self.queue._waiting) + sum(map(len, self.groups)) > before or answer.done()
        )
        return answer

    def has_had(self, *numbers: int) -> None:
        """A group of these, after one of 0 alone."""
        self.open.clear()
        first = self.ask(0)
        self.begins([0])
        asked = [self.ask(number) for number in numbers]
        self.open.set()
        assert [one.result(LONG) for one in (first, *asked)] == [0, *numbers]
        assert self.groups == [[0], list(numbers)]

    def begins(self, group: list[int]) -> None:
        """As the last one."""
        assert wait_until(lambda: self.groups[-1:] == [group])


@pytest.fixture
def till(monkeypatch: pytest.MonkeyPatch) -> Iterator[Till]:
    """One whose groups are worth a long wait, however soon they were done."""
    monkeypatch.setattr(company, "PACE", 1_000_000_000)
    with ThreadPoolExecutor(16) as pool:
        yield Till(pool)


def test_a_leader_waits_for_as_many_as_came_last(till: Till) -> None:
    till.has_had(1, 2, 3)
    first, second = till.ask(4), till.ask(5)
    assert not wait_until(lambda: first.done() or second.done(), 0.1)
    assert [one.result(LONG) for one in (till.ask(6), first, second)] == [6, 4, 5]
    assert till.groups[2:] == [[4, 5, 6]]


def test_who_waits_for_company_keeps_no_other_process_from_its_turn(till: Till) -> None:
    till.has_had(1, 2)
    before = till.turns.taken
    first = till.ask(3)
    assert not wait_until(lambda: till.turns.taken > before, 0.1)
    assert [one.result(LONG) for one in (till.ask(4), first)] == [4, 3]
    assert till.turns.taken > before


def test_who_are_there_already_are_waited_for_by_nobody(till: Till) -> None:
    till.has_had(1, 2)
    till.open.clear()
    asked = [till.ask(number) for number in (3, 4)]
    till.begins([3, 4])
    later = [till.ask(number) for number in (5, 6)]
    till.open.set()
    assert [one.result(LONG) for one in (*asked, *later)] == [3, 4, 5, 6]


def test_it_waits_no_longer_than_the_limit_between_two_groups() -> None:
    with ThreadPoolExecutor(16) as pool, pytest.MonkeyPatch.context() as patched:
        patched.setattr(company, "PACE", 1_000_000_000)
        till = Till(pool, most=1.0)
        till.has_had(1, 2, 3)
        began = monotonic()
        assert till.queue.ask(4) == 4
        assert 0.05 < monotonic() - began < SOON
    assert till.groups[2:] == [[4]]


def test_nobody_waits_when_the_last_groups_were_of_one(till: Till) -> None:
    began = monotonic()
    assert [till.queue.ask(number) for number in range(100)] == list(range(100))
    assert monotonic() - began < LONG


def test_nobody_waits_when_the_last_group_began_long_ago() -> None:
    with ThreadPoolExecutor(16) as pool:
        till = Till(pool)
        till.has_had(1, 2, 3)
        till.queue._company.ended(2 * SOON)
        till.queue._company._since._began -= PACE * 3 * SOON
        began = monotonic()
        assert till.queue.ask(4) == 4
        assert monotonic() - began < SOON


def test_a_leader_that_is_ended_while_it_waits_leaves_nobody_waiting(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(_: Company) -> int:
        raise SystemExit

    till.has_had(1, 2)
    with monkeypatch.context() as patched:
        patched.setattr(Company, "expected", property(end))
        with pytest.raises(SystemExit):
            till.queue.ask(3)
    asked = [till.ask(number) for number in (4, 5)]
    assert [one.result(LONG) for one in asked] == [4, 5]


@pytest.mark.parametrize("most", [0.0, 0.04])
def test_under_any_load_everybody_is_served_once(most: float) -> None:
    chance = Random(6)  # noqa: S311
    done: list[int] = []

    def run(group: Sequence[int]) -> list[int]:
        sleep(chance.random() / 500)
        done.extend(group)
        return list(group)

    queue: GroupCommit[int, int] = GroupCommit(run, Limits(entries=7, patience=LONG, company=most))

    def customer(number: int) -> None:
        for asked in range(number * 50, number * 50 + 50):
            assert queue.ask(asked) == asked

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(customer, range(16)))
    assert sorted(done) == list(range(800))


class TestWhatTheLastGroupsSay:
    """Company by itself."""

    def test_as_many_are_expected_as_the_largest_of_the_last_had(self) -> None:
        last = Company(1)
        assert last.expected == 0
        for size in (2, 9, 4):
            last.began(size)
        assert (last.expected, last.last) == (9, 4)

    def test_it_is_forgotten_after_so_many_groups(self) -> None:
        last = Company(1)
        last.began(9)
        for _ in range(REMEMBERED - 1):
            last.began(1)
        assert last.expected == 9
        last.began(1)
        assert last.expected == 1

    def test_a_wait_is_a_multiple_of_what_the_last_group_took(self) -> None:
        last = Company(LONG)
        last.began(3)
        last.ended(2.0)
        assert 2 * PACE - 1 < last.seconds <= 2 * PACE

    def test_it_is_counted_from_when_that_group_began(self) -> None:
        last = Company(LONG)
        last.began(3)
        last.ended(2.0)
        left = last.seconds
        sleep(0.02)
        assert last.seconds <= left - 0.02

    @pytest.mark.parametrize("most", [0.0, 0.5])
    def test_and_never_longer_than_the_most(self, most: float) -> None:
        last = Company(most)
        last.began(3)
        last.ended(LONG)
        assert most - 0.4 < last.seconds <= most

    def test_before_the_first_group_there_is_none(self) -> None:
        assert Company(LONG).seconds <= 0


def test_an_order_waits_for_company_and_less_than_anybody_sees() -> None:
    assert 0 < LIMITS.company <= 0.025
