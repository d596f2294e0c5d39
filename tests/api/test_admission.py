"""Requests that wait for a thread: nobody is refused for a short wait, some are for a long one."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from statistics import median
from threading import Event
from time import monotonic, sleep

import pytest

from larder.api.admission import EASY_WAIT, MOST_REFUSED
from tests.server import Reply, Server

THREADS = 2
CROWD = 80
"""As many requests under way, of 50 ms each, with two threads: who comes last waits two seconds."""


@contextmanager
def served(application: str) -> Iterator[Server]:
    """A process with two threads in which every request takes 50 ms."""
    name = f"tests.api.sleeping:{application}"
    with Server(workers=1, threads=THREADS, application=name) as server:
        yield server


def rush(server: Server, clients: int, seconds: float, method: str, path: str) -> list[Reply]:
    """So many clients, each of which asks again at once. What they were answered after the first
    two seconds."""
    answers: list[Reply] = []
    until, counted_from = monotonic() + seconds, monotonic() + 2

    def ask(_: int) -> None:
        while monotonic() < until:
            answer = server.call(method, path)
            if monotonic() > counted_from:
                answers.append(answer)

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(ask, range(clients)))
    return answers


def share_refused(answers: list[Reply]) -> float:
    """How many of them were 503."""
    return sum(one.status == 503 for one in answers) / len(answers)


def test_of_writes_that_wait_too_long_a_share_is_refused_and_told_when_to_come_back() -> None:
    with served("application") as server:
        answers = rush(server, CROWD, 7, "POST", "orders")
        assert 0.1 < share_refused(answers) <= MOST_REFUSED + 0.1
        refused = next(one for one in answers if one.status == 503)
        assert refused.headers["retry-after"] == "1"
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.headers["correlation-id"] == refused.body["correlation_id"]
        assert refused.body["code"] == "overloaded"
        assert refused.body["type"].endswith("/api/v1/problems/overloaded")
        assert {one.status for one in answers} == {200, 503}
        sleep(0.5)
        assert {server.call("POST", "orders").status for _ in range(20)} == {200}


def test_nobody_is_refused_while_the_wait_is_short() -> None:
    with served("application") as server:
        clients = int(EASY_WAIT * 0.5 / 0.05 * THREADS)
        assert share_refused(rush(server, clients, 3, "POST", "orders")) == 0


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "products"), ("GET", "/readyz"), ("POST", "/admin/login/")]
)
def test_what_reads_and_what_is_not_of_v1_always_passes(method: str, path: str) -> None:
    with served("application") as server:
        assert share_refused(rush(server, CROWD, 4, method, path)) == 0


def test_without_the_door_all_are_let_in_and_wait() -> None:
    with served("unguarded") as server:
        assert share_refused(rush(server, CROWD, 4, "POST", "orders")) == 0


def test_who_waits_waits_less_for_others_being_refused() -> None:
    def waited(application: str) -> float:
        with served(application) as server, ThreadPoolExecutor(1) as pool:
            over = Event()
            crowd = pool.submit(rush, server, CROWD, 7, "POST", "orders")
            crowd.add_done_callback(lambda _: over.set())
            sleep(3)
            found = []
            while not over.is_set():
                began = monotonic()
                server.call("GET", "products")
                found.append(monotonic() - began)
            return median(found)

    assert waited("application") < 0.8 * waited("unguarded")


def test_nobody_else_can_ring() -> None:
    with served("application") as server:
        for text in ("", "0" * 32):
            assert server.call("GET", "/livez", headers={"Larder-Ring": text}).status == 200
