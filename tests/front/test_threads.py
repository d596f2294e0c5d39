"""The threads of Django, and the queue in front of them."""

import asyncio
from collections.abc import Mapping
from threading import Event
from typing import Any

import pytest

from larder.core.errors import Overloaded
from larder.core.telemetry import taken
from larder.front import threads
from larder.front.application import Front
from larder.front.threads import Threads
from larder.front.turns import READING, WRITING, queue_of
from larder.http.answered_requests import AnsweredRequest, answered
from tests.tiers import LONGEST

SCOPE: dict[str, Any] = {
    "method": "GET",
    "raw_path": b"/api/v1/orders",
    "query_string": b"",
    "server": ("localhost", 80),
    "client": ("127.0.0.1", 1),
    "scheme": "http",
    "http_version": "1.1",
    "headers": [],
}


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


def test_a_refused_request_is_noted_with_its_route(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "LONGEST_WAIT", -1.0)
    sent: list[Mapping[str, Any]] = []

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    async def receive() -> Mapping[str, Any]:
        return {"type": "http.request"}

    taken(answered)
    front = Front(lambda *_: [], Threads(1), {}, lambda _: None)
    asyncio.run(front(SCOPE, receive, send))
    (noted,) = taken(answered)
    assert sent[0]["status"] == 503
    assert AnsweredRequest(*noted)[:3] == ("GET", "api/v1/orders", 503)


def test_the_probe_is_answered_while_all_threads_are_busy() -> None:
    go = Event()

    def django(environ: Any, start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] != "/livez":
            go.wait(LONGEST)
        start_response("200 OK", [])
        return []

    async def check() -> None:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> dict[str, str]:
            return {"type": "http.request"}

        front = Front(django, Threads(1), {}, queue_of)
        others = [asyncio.create_task(front(SCOPE, receive, send)) for _ in range(3)]
        await asyncio.sleep(0)
        await front(SCOPE | {"raw_path": b"/livez"}, receive, send)
        assert [message.get("status") for message in sent] == [200, None]
        go.set()
        await asyncio.gather(*others)

    asyncio.run(check())


def test_browsers_of_an_office_write_at_once() -> None:
    log_in = {"REQUEST_METHOD": "POST", "PATH_INFO": "/", "REMOTE_ADDR": "192.0.2.1"}
    queues = [queue_of(log_in), queue_of(log_in | {"HTTP_COOKIE": "a=b"})]
    assert [queue.running for queue in queues if queue] == [WRITING, READING]
