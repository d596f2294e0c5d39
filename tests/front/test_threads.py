"""The threads of Django, and the queue in front of them."""

import asyncio
from threading import Event

import pytest

from larder.core.errors import Overloaded
from larder.front import threads
from larder.front.threads import Threads
from tests.tiers import LONGEST


async def refused(pool: Threads) -> bool:
    """Whether a function is not run."""
    try:
        await pool.run(bool)
    except Overloaded:
        return True
    return False


def test_one_more_than_may_wait_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "MOST_WAITING", 1)
    go = Event()

    async def check() -> None:
        pool = Threads(1)
        running = [asyncio.ensure_future(pool.run(lambda: go.wait(LONGEST))) for _ in range(2)]
        await asyncio.sleep(0)
        assert await refused(pool)
        go.set()
        assert all(await asyncio.gather(*running))
        assert not await refused(pool)

    asyncio.run(check())


def test_a_request_that_waited_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "LONGEST_WAIT", -1.0)
    assert asyncio.run(refused(Threads(1)))
