"""Group commit: nobody is left behind, and no failure is shared. Company: test_company.py."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from threading import Event, Lock, get_ident
from time import monotonic, sleep
from unittest.mock import Mock

import pytest

from larder.common import turnstile
from larder.common.errors import NotFound, Overloaded
from larder.common.group_commit import MOST_YIELDS, GroupCommit, Limits
from larder.common.telemetry import Group, Observers
from larder.common.turnstile import Turnstile
from tools.processes import wait_until

PATIENT = Limits(patience=30, outage_patience=30, several=9)


@dataclass
class Till:
    """Doubles numbers, group by group: slowly, while its door is shut."""

    groups: list[list[int]] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    open: Event = field(default_factory=Event)
    begun: Event = field(default_factory=Event)

    def run(self, group: Sequence[int]) -> list[int | Exception]:
        """Twice of each; 0 is refused, 13 brings the whole group down."""
        self.groups.append(list(group))
        self.threads.append(get_ident())
        self.begun.set()
        assert self.open.wait(30)
        if 13 in group:
            raise LookupError("thirteen")
        return [NotFound() if one == 0 else 2 * one for one in group]


@contextmanager
def busy(
    till: Till, limits: Limits = PATIENT, turns: Turnstile | None = None
) -> Iterator[tuple[GroupCommit[int, int], "Ask"]]:
    """A queue whose first group (of 1 alone) runs, and a way to have others wait behind it."""
    queue: GroupCommit[int, int] = GroupCommit(till.run, limits, turns=turns)
    with ThreadPoolExecutor(64) as pool:

        def ask(number: int, weight: int = 1) -> Future[int]:
            waiting = len(queue._waiting)
            answer = pool.submit(queue.ask, number, weight=weight)
            assert wait_until(lambda: len(queue._waiting) > waiting or answer.done())
            return answer

        pool.submit(queue.ask, 1)
        assert till.begun.wait(30)
        try:
            yield queue, ask
        finally:
            till.open.set()


Ask = Callable[..., "Future[int]"]


def test_who_comes_alone_is_a_group_of_one_in_their_own_thread_and_waits_for_nobody() -> None:
    till = Till()
    till.open.set()
    queue: GroupCommit[int, int] = GroupCommit(till.run, PATIENT)
    assert [queue.ask(4), queue.ask(5)] == [8, 10]
    assert (till.groups, till.threads) == ([[4], [5]], [get_ident()] * 2)


def test_who_leads_lets_those_join_who_are_about_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    till = Till()
    till.open.set()
    queue: GroupCommit[int, int] = GroupCommit(till.run, PATIENT)
    coming = [5, 6]
    with ThreadPoolExecutor(2) as pool:

        def others_run(*_: object) -> None:
            waiting = len(queue._waiting)
            if coming:
                pool.submit(queue.ask, coming.pop(0))
                assert wait_until(lambda: len(queue._waiting) > waiting)

        monkeypatch.setattr(os, "sched_yield", others_run)
        assert queue.ask(4) == 8
    assert till.groups == [[4, 5, 6]]


def test_who_leads_begins_although_others_never_stop_coming(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    till = Till()
    till.open.set()
    queue: GroupCommit[int, int] = GroupCommit(till.run, PATIENT)
    with ThreadPoolExecutor(MOST_YIELDS + 1) as pool:

        def one_more_comes(*_: object) -> None:
            waiting = len(queue._waiting)
            pool.submit(queue.ask, 2)
            assert wait_until(lambda: len(queue._waiting) > waiting)

        monkeypatch.setattr(os, "sched_yield", one_more_comes)
        assert queue.ask(4) == 8
    assert till.groups == [[4, *[2] * MOST_YIELDS]]


def test_a_leader_that_is_ended_while_it_lets_others_join_leaves_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queue: GroupCommit[int, int] = GroupCommit(list, PATIENT)
    monkeypatch.setattr(os, "sched_yield", Mock(side_effect=SystemExit))
    with pytest.raises(SystemExit):
        queue.ask(1)
    monkeypatch.undo()
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(queue.ask, 2).result(30) == 2


def test_those_who_come_meanwhile_go_together_in_the_order_they_came() -> None:
    till = Till()
    with busy(till) as (_, ask):
        asked = [ask(number) for number in (7, 3, 9)]
        till.open.set()
        assert [one.result(30) for one in asked] == [14, 6, 18]
    assert till.groups == [[1], [7, 3, 9]]


def test_a_refusal_is_raised_for_who_asked_and_for_nobody_else() -> None:
    till = Till()
    with busy(till) as (_, ask):
        asked = [ask(number) for number in (7, 0, 9)]
        till.open.set()
        assert [asked[0].result(30), asked[2].result(30)] == [14, 18]
        with pytest.raises(NotFound):
            asked[1].result(30)


def test_what_brings_a_group_down_reaches_all_of_it_and_not_the_next_group() -> None:
    till = Till()
    with busy(till, Limits(entries=2, patience=30, outage_patience=30)) as (_, ask):
        asked = [ask(number) for number in (13, 3, 9)]
        till.open.set()
        raised = [asked[0].exception(30), asked[1].exception(30)]
        assert [str(one) for one in raised] == ["thirteen", "thirteen"]
        assert raised[0] is not raised[1]
        assert asked[2].result(30) == 18


def test_a_failure_that_cannot_be_copied_reaches_all_of_them_too() -> None:
    class Awkward(Exception):
        def __init__(self, *, why: str) -> None:
            self.why = why

    class Failing(Till):
        def run(self, group: Sequence[int]) -> list[int | Exception]:
            if super().run(group) and 7 in group:
                raise Awkward(why="so")
            return [1 for _ in group]

    till = Failing()
    with busy(till) as (_, ask):
        asked = [ask(number) for number in (7, 3)]
        till.open.set()
        assert [type(one.exception(30)) for one in asked] == [Awkward, Awkward]


def test_a_leader_that_is_ended_leaves_nobody_waiting() -> None:
    ended = Event()

    class Ending(Till):
        def run(self, group: Sequence[int]) -> list[int | Exception]:
            answers = super().run(group)
            if 7 in group and not ended.is_set():
                ended.set()
                raise SystemExit
            return answers

    till = Ending()
    with busy(till, Limits(entries=2, patience=30)) as (_, ask):
        asked = [ask(number) for number in (7, 3, 9)]
        till.open.set()
        assert isinstance(asked[0].exception(30), SystemExit)
        assert isinstance(asked[1].exception(30), Overloaded)
        assert asked[2].result(30) == 18


def test_too_few_answers_are_a_failure_of_the_group() -> None:
    queue: GroupCommit[int, int] = GroupCommit(lambda group: group[1:], PATIENT)
    with pytest.raises(ValueError, match="shorter"):
        queue.ask(1)


@pytest.mark.parametrize(
    ("limits", "groups"),
    [
        (Limits(entries=2, patience=30), [[1], [2, 3], [4, 5], [6]]),
        (Limits(weight=10, patience=30), [[1], [2, 3, 4], [5], [6]]),
    ],
)
def test_groups_are_capped_by_entries_and_by_weight(
    limits: Limits, groups: list[list[int]]
) -> None:
    """A heavy entry goes, alone: it is not passed by lighter ones for ever."""
    till = Till()
    with busy(till, limits) as (_, ask):
        weights = {2: 3, 3: 3, 4: 4, 5: 99, 6: 1}
        asked = [ask(number, weight) for number, weight in weights.items()]
        till.open.set()
        assert [one.result(30) for one in asked] == [4, 6, 8, 10, 12]
    assert till.groups == groups


def test_a_full_queue_refuses_at_once_and_does_nothing() -> None:
    till = Till()
    with busy(till, Limits(waiting=2, patience=30)) as (queue, ask):
        asked = [ask(2), ask(3)]
        with pytest.raises(Overloaded):
            queue.ask(4)
        till.open.set()
        assert [one.result(30) for one in asked] == [4, 6]
        assert queue.ask(4) == 8
    assert 4 in till.groups[-1]


def test_who_waits_too_long_is_refused_and_never_run() -> None:
    till = Till()
    with busy(till, Limits(patience=0.2)) as (queue, ask):
        began = monotonic()
        assert isinstance(ask(2).exception(30), Overloaded)
        assert 0.2 <= monotonic() - began < 5
        assert not queue._waiting
        till.open.set()
        assert wait_until(lambda: not queue._led)
        assert queue.ask(3) == 6
    assert till.groups == [[1], [3]]


def test_an_entry_past_its_time_is_dropped_before_its_group_begins() -> None:
    """It has not noticed yet: it is taken first."""
    till = Till()
    till.open.set()
    queue: GroupCommit[int, int] = GroupCommit(till.run, Limits(patience=-1))
    with pytest.raises(Overloaded):
        queue.ask(1)
    assert till.groups == []
    assert not queue._led


def test_after_a_failure_who_waited_long_is_told_and_who_came_now_tries() -> None:
    till = Till()
    with busy(till, Limits(entries=1, patience=120, outage_patience=30)) as (queue, ask):
        first, second = ask(13), ask(2)
        for one in queue._waiting:
            one.waiting._began -= 60
        third = ask(3)
        till.open.set()
        assert str(first.exception(30)) == str(second.exception(30)) == "thirteen"
        assert third.result(30) == 6
    assert till.groups == [[1], [13], [3]]


def test_it_says_when_who_asks_would_wait() -> None:
    till = Till()
    with busy(till) as (queue, _):
        assert queue.is_busy
        till.open.set()
        assert wait_until(lambda: not queue.is_busy)


def test_under_any_load_everybody_is_served_once_one_group_at_a_time() -> None:
    chance, running = Random(5), Lock()  # noqa: S311
    done: list[int] = []

    def run(group: Sequence[int]) -> list[int | Exception]:
        assert running.acquire(blocking=False), "two groups at once"
        sleep(chance.random() / 500)
        done.extend(group)
        running.release()
        if len(group) > 1 and group[0] % 50 == 0:
            raise LookupError("now and then")
        return [2 * one for one in group]

    queue: GroupCommit[int, int] = GroupCommit(run, replace(PATIENT, entries=5))

    def customer(number: int) -> int:
        served = 0
        for asked in range(number * 100, number * 100 + 100):
            with suppress(LookupError):
                assert queue.ask(asked) == 2 * asked
            served += 1
        return served

    with ThreadPoolExecutor(24) as pool:
        assert sum(pool.map(customer, range(24))) == 2400
    assert sorted(done) == list(range(2400))
    assert not queue._waiting
    assert not queue._led


@contextmanager
def after_a_group(size: int, till: Till, own: Turnstile, other: Turnstile) -> Iterator["Ask"]:
    """A queue whose last group was of so many, while another process has its turn."""
    with busy(till, turns=own) as (_, ask):
        company = [ask(number) for number in range(2, 2 + size)]
        till.open.set()
        assert [one.result(30) for one in company] == [*range(4, 4 + 2 * size, 2)]
        with other.turn(wait=True):
            yield ask


def test_while_another_process_has_its_turn_the_next_group_of_a_busy_one_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turnstile, "PATIENCE", 30.0)
    own, other, till = Turnstile(tmp_path, "till"), Turnstile(tmp_path, "till"), Till()
    with after_a_group(PATIENT.several, till, own, other) as ask:
        later = [ask(number) for number in (7, 8, 9)]
        assert not any(one.done() for one in later)
    assert [one.result(30) for one in later] == [14, 16, 18]
    assert till.groups == [[1], [*range(2, 2 + PATIENT.several)], [7, 8, 9]]


def test_groups_that_are_not_of_several_go_side_by_side_with_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turnstile, "PATIENCE", 30.0)
    own, other, till = Turnstile(tmp_path, "till"), Turnstile(tmp_path, "till"), Till()
    with after_a_group(PATIENT.several - 1, till, own, other) as ask:
        assert ask(7).result(20) == 14


def test_who_comes_alone_waits_for_no_other_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turnstile, "PATIENCE", 30.0)
    till, began = Till(), monotonic()
    till.open.set()
    queue: GroupCommit[int, int] = GroupCommit(till.run, PATIENT, turns=Turnstile(tmp_path, "till"))
    with Turnstile(tmp_path, "till").turn(wait=False):
        assert [queue.ask(4), queue.ask(5)] == [8, 10]
    assert monotonic() - began < 30.0


def test_a_turn_is_over_before_others_have_their_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, other, till = Turnstile(tmp_path, "till"), Turnstile(tmp_path, "till"), Till()
    given_back = own.give_back
    free: list[bool] = []

    def give_back() -> None:
        # Long enough for whoever is woken too early to see that it is not free.
        sleep(0.2)
        given_back()

    monkeypatch.setattr(own, "give_back", give_back)
    with busy(till, turns=own) as (queue, _), ThreadPoolExecutor() as pool:

        def follow() -> None:
            queue.ask(4)
            with other.turn(wait=False):
                free.append(other._has_turn)

        first = pool.submit(queue.ask, 3)
        assert wait_until(lambda: len(queue._waiting) == 1)
        following = pool.submit(follow)
        assert wait_until(lambda: len(queue._waiting) == 2)
        till.open.set()
        following.result(30)
        first.result(30)
    assert till.groups == [[1], [3, 4]]
    assert free == [True]


def test_a_turn_is_over_when_a_group_is_told_of(tmp_path: Path) -> None:
    """Also where the whole group failed."""
    other, free = Turnstile(tmp_path, "till"), []
    till = Till()
    till.open.set()

    class Watching(Observers):
        def group_done(self, group: Group) -> None:
            with other.turn(wait=False):
                free.append(other._has_turn)

    queue: GroupCommit[int, int] = GroupCommit(
        till.run, PATIENT, Watching(), Turnstile(tmp_path, "till")
    )
    queue.ask(4)
    with pytest.raises(LookupError):
        queue.ask(13)
    assert free == [True, True]
