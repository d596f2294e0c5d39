"""Waiting places: one account can have all, and several accounts have equal shares."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from larder.core import per_key
from larder.core.errors import Overloaded
from larder.core.per_key import Limit, Waiting, limited
from larder.core.shares import WaitingList, held_by
from tools.processes import wait_until

PLACES = 4


@dataclass
class Threads:
    """Threads that wait for a limit, one after the other."""

    pool: ThreadPoolExecutor
    limit: Limit = field(default_factory=Limit)
    arrived: int = 0
    ran: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)

    def arrive(self, account: str, times: int = 1, *, waiting: tuple[Waiting, ...] = ()) -> None:
        """Start threads; return when each waits, has run or is refused."""
        for _ in range(times):
            self.pool.submit(self._run, account, waiting)
            self.arrived += 1
            assert wait_until(self._is_settled)

    def _run(self, account: str, waiting: tuple[Waiting, ...]) -> None:
        try:
            with held_by(account), limited(self.limit, *waiting):
                self.ran.append(account)
        except Overloaded:
            self.refused[account] += 1

    def _is_settled(self) -> bool:
        settled = len(self.ran) + self.refused.total()
        return sum(len(line.waiting) for line in per_key._lists.values()) + settled == self.arrived


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Threads]:
    """Yield an object that starts threads. At the end no thread holds a place."""
    monkeypatch.setattr(per_key, "_lists", {one: WaitingList(PLACES) for one in per_key._lists})
    with ThreadPoolExecutor(16) as pool:
        yield Threads(pool)
    assert [line for line in per_key._lists.values() if line != WaitingList(PLACES)] == []


def held(line: Waiting = "all") -> dict[object, int]:
    return dict(per_key._lists[line].held)


def test_an_account_has_all_waiting_places_until_other_accounts_wait(threads: Threads) -> None:
    with limited(threads.limit):
        threads.arrive("mallory", PLACES + 2)
        assert (held(), threads.refused) == ({"mallory": PLACES}, {"mallory": 2})
        threads.arrive("anna", 3)
        assert held() == {"mallory": 2, "anna": 2}
        threads.arrive("bert")
        assert held() == {"mallory": 2, "anna": 1, "bert": 1}
    assert wait_until(lambda: len(threads.ran) == PLACES)
    # Those with one place are next, in the order in which they came.
    assert threads.ran[:2] == ["anna", "bert"]
    with limited(threads.limit):
        assert not threads.limit.take()
    assert threads.limit.take()


def test_different_limits_share_the_waiting_places(threads: Threads) -> None:
    other = Limit()
    with limited(threads.limit), limited(other):
        threads.arrive("mallory", PLACES)
        threads.limit, first = other, threads.limit
        threads.arrive("anna")
        assert held() == {"mallory": PLACES - 1, "anna": 1}
        other.leave()
        assert wait_until(lambda: threads.ran == ["anna"])
        assert other.take()
        threads.limit = first
    assert wait_until(lambda: threads.ran == ["anna", *["mallory"] * (PLACES - 1)])


def test_a_free_place_of_another_class_is_taken_before_one_of_another_thread(
    threads: Threads,
) -> None:
    with limited(threads.limit):
        threads.arrive("packer", PLACES, waiting=("staff", "all"))
        threads.arrive("owner", waiting=("staff", "all"))
        assert (held("staff"), held("all")) == ({"packer": PLACES}, {"owner": 1})


def test_threads_run_in_order_of_arrival(threads: Threads) -> None:
    with limited(threads.limit):
        for name in "abc":
            threads.arrive(name)
    assert wait_until(lambda: threads.ran == ["a", "b", "c"])


def test_a_wait_that_ends_leaves_neither_a_place_nor_a_slot_behind(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(per_key, "LONGEST_WAIT", 0.01)
    with limited(threads.limit):
        threads.arrive("anna")
        assert wait_until(lambda: threads.refused == {"anna": 1})
    with limited(threads.limit):
        assert not threads.limit.take()
