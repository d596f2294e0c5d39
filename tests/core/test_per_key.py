"""Limits of what threads do at once."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event

import pytest

from larder.core import waits
from larder.core.errors import Overloaded
from larder.core.waits import SlotsPerKey, Turns
from tests.tiers import LONGEST
from tools.processes import wait_until


def test_a_key_has_so_many_slots_and_the_others_as_many() -> None:
    slots = SlotsPerKey(2)
    with slots.hold("a"), slots.hold("a"):
        with pytest.raises(Overloaded), slots.hold("a"):
            pass
        with slots.hold("b"):
            pass
    assert slots._taken == {}


def test_a_thread_waits_for_its_turn_and_one_too_many_is_refused() -> None:
    turns, go = Turns(1, 1), Event()

    def run() -> bool:
        with turns.turn():
            return go.wait(LONGEST)

    with ThreadPoolExecutor(2) as threads, ExitStack() as stack:
        stack.callback(go.set)
        both = [threads.submit(run) for _ in range(2)]
        assert wait_until(lambda: turns._present._taken == {None: 2})
        with pytest.raises(Overloaded), turns.turn():
            pass
        go.set()
        assert all(future.result(LONGEST) for future in both)


def test_a_thread_that_waited_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits, "LONGEST_WAIT", 0.01)
    turns = Turns(1, 1)
    with turns.turn(), pytest.raises(Overloaded), turns.turn():
        pass
