"""Concurrent requests share the pages that the page cache builds."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import monotonic_ns

import pytest

from larder.db.positions import Position
from larder.db.replicas import State
from larder.v1 import page_cache
from larder.v1.freshness import Needed
from larder.v1.page_cache import CachedPage, PageCache, PageRequest

Look = tuple[int, int]
"""When a thread wants a page, and what of the log is visible when it reads the page."""


def state(look: Look) -> State:
    """Returns the state of a replica at this time."""
    moment, byte = look
    return State(Position(1, 1, byte), moment)


class ReplicaPages(PageCache):
    """The same pages, which are read from a replica in this state."""

    def __init__(self, pages: PageCache, look: Look) -> None:
        vars(self).update(vars(pages))
        self._state = state(look)

    def _read(self, wanted: PageRequest, needed: Needed) -> CachedPage:
        return self._current(wanted, self._state)


def found(pages: PageCache, wanted: PageRequest, look: Look) -> CachedPage:
    """Returns the cached page if it was checked since, and else the page that is read now."""
    return ReplicaPages(pages, look)._good(wanted, Needed(current=True), look[0] - 1)


def made_at_once(
    pages: PageCache, looks: Sequence[Look] = [(0, 1)] * 8, *, at_most: float = 0.5
) -> tuple[int, int]:
    """Returns how often a page is built for concurrent requests and how many pages they get.

    The first build lasts until another one begins, or for `at_most` seconds.
    """
    times, second = list[int](), Event()

    def make() -> dict[str, int]:
        times.append(1)
        if len(times) > 1:
            second.set()
        second.wait(at_most)
        return {}

    wanted = PageRequest("", "/products", lambda: make)
    with ThreadPoolExecutor(len(looks)) as threads:
        got = [threads.submit(found, pages, wanted, look) for look in looks]
    return len(times), len({id(one.result()) for one in got})


def test_concurrent_requests_build_a_page_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_cache, "MAX_WAIT_SECONDS", 30.0)
    assert made_at_once(PageCache()) == (1, 1)


def test_a_thread_that_waits_too_long_builds_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a negative control: without the wait each thread builds the page."""
    monkeypatch.setattr(page_cache, "MAX_WAIT_SECONDS", 0)
    assert made_at_once(PageCache(), at_most=30.0)[0] > 1


def test_a_page_read_after_all_requests_arrived_serves_all_of_them() -> None:
    """Orders are placed continuously, so each request has another required state, and none a later
    one.
    """
    looks = [(9 - number, number) for number in range(8)]
    made, _ = made_at_once(PageCache(), looks)
    assert made < 8


def test_a_state_read_before_a_request_arrived_is_not_used_for_it() -> None:
    """The negative control."""
    pages, wanted = PageCache(), PageRequest("", "/products", lambda: dict)
    made = [found(pages, wanted, (number, number)) for number in range(8)]
    assert len({id(page) for page in made}) == 8


def test_pages_from_replicas_are_compared_by_position_and_not_by_time() -> None:
    """Replicas have different delays: a later read may return an earlier state."""
    pages, wanted = PageCache(), PageRequest("", "/products", lambda: dict)
    first = pages._current(wanted, state((9, 100)))
    second = pages._current(wanted, state((5, 200)))
    assert (second is first, second.replayed) == (False, Position(1, 1, 200))


def test_a_page_that_failed_is_built_by_the_next_request() -> None:
    pages = PageCache()
    with pytest.raises(ZeroDivisionError):
        found(pages, PageRequest("", "/products", lambda: lambda: 1 / 0), (0, 1))
    assert made_at_once(pages) == (1, 1)


def test_a_query_is_parsed_once_for_a_cached_page() -> None:
    """The cache does not hold the request, only the function that builds the page."""
    pages, prepared = PageCache(), []

    def prepare() -> page_cache.Make:
        prepared.append(1)
        return dict

    wanted = PageRequest("", "/products", prepare)
    page = pages._current(wanted, state((1, 1)))
    assert pages._current(wanted, state((1, 1))) is page
    pages._current(page.wanted, state((2, 2)))
    assert prepared == [1]


def test_the_least_recently_used_page_is_evicted_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frequently requested page stays; an evicted page is not used any more."""
    monkeypatch.setattr(page_cache, "MAX_PAGES", 3)
    pages = PageCache()
    unchecked = (monotonic_ns() + 3600 * 10**9, 1)
    asked_often = pages._current(PageRequest("", "often", lambda: dict), state(unchecked))
    others = []
    for number in range(9):
        wanted = PageRequest("", f"once {number}", lambda: dict)
        others.append(pages._current(wanted, state(unchecked)))
        assert pages.renewed(asked_often, Needed(current=True)) is asked_often
    assert [bool(page.seen_at) for page in others] == [False] * 7 + [True] * 2


def test_a_replaced_page_does_not_become_current_again() -> None:
    """A thread that checked before the page was replaced may report it afterwards."""
    pages = PageCache()
    wanted = PageRequest("", "/products", lambda: dict)
    before = pages._current(wanted, state((1, 1)))
    pages._current(wanted, state((2, 2)))
    pages._seen(before, 3)
    assert before.seen_at == 0
