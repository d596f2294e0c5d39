"""The pages that the page cache builds, and those that it keeps."""

from time import monotonic_ns

import pytest

from larder.db.positions import Position
from larder.db.replicas import State
from larder.v1 import page_cache
from larder.v1.freshness import Needed
from larder.v1.page_cache import PageCache, PageRequest

Look = tuple[int, int]
"""When a thread wants a page, and what of the log is visible when it reads the page."""


def state(look: Look) -> State:
    """Returns the state of a replica at this time."""
    moment, byte = look
    return State(Position(1, 1, byte), moment)


def test_pages_from_replicas_are_compared_by_position_and_not_by_time() -> None:
    """Replicas have different delays: a later read may return an earlier state."""
    pages, wanted = PageCache(), PageRequest("", "/products", lambda: dict)
    first = pages._current(wanted, state((9, 100)))
    second = pages._current(wanted, state((5, 200)))
    assert (second is first, second.replayed) == (False, Position(1, 1, 200))


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
        assert pages.page(asked_often.wanted, Needed(current=True)) is asked_often
    assert [bool(page.seen_at) for page in others] == [False] * 7 + [True] * 2


def test_a_replaced_page_does_not_become_current_again() -> None:
    """A thread that checked before the page was replaced may report it afterwards."""
    pages = PageCache()
    wanted = PageRequest("", "/products", lambda: dict)
    before = pages._current(wanted, state((1, 1)))
    pages._current(wanted, state((2, 2)))
    pages._seen(before, 3)
    assert before.seen_at == 0
