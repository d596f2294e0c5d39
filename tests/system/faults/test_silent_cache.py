"""A shared cache that never answers: requests that wait for it hold no connection of the pool."""

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from threading import Event, Thread
from typing import Any

import pytest

from tests.conftest import Api, Person
from tests.server import Reply, Server
from tools.processes import wait_until

ASKING = 4
SILENCE = 4
"""Seconds that a request waits for this cache: longer than another one waits for a connection."""

Ask = Callable[[Server, Person, dict[str, str]], Reply]


@contextmanager
def silent_cache() -> Iterator[tuple[str, Event]]:
    """Gives the CACHE_URL of a cache that never answers, and an event: it was requested."""
    asked, taken = Event(), list[socket.socket]()
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:

        def accept() -> None:
            while True:
                try:
                    taken.append(listening.accept()[0])
                except OSError:
                    return
                asked.set()

        thread = Thread(target=accept)
        thread.start()
        port = listening.getsockname()[1]
        try:
            yield f"redis://127.0.0.1:{port}/0?socket_timeout={SILENCE}", asked
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
    for one in taken:
        one.close()


def refresh(server: Server, who: Person, had: dict[str, str]) -> Reply:
    return server.call("POST", "auth/token/refresh", {"refresh": had["refresh"]})


def return_(server: Server, who: Person, had: dict[str, str]) -> Reply:
    credentials = {"username": who.customer.username, "password": who.password}
    return server.call("POST", "auth/token", credentials | {"refresh": had["refresh"]})


def rename(server: Server, who: Person, had: dict[str, str]) -> Reply:
    body = {"username": f"{who.customer.username} again"}
    return server.call("PATCH", "me", body, token=had["key"])


def probe(server: Server, who: Person, had: dict[str, str]) -> Reply:
    return server.call("GET", "/readyz")


def credentials_of(who: Person) -> dict[str, str]:
    """A pair of tokens, and a key: `access`, `refresh`, `key`."""
    both = {"username": who.customer.username, "password": who.password}
    pair: dict[str, Any] = Api()("POST", "auth/token", both).body
    key = Api(pair["access"])("POST", "auth/keys", {"name": "till"}).body["key"]
    return {"access": pair["access"], "refresh": pair["refresh"], "key": key}


@pytest.mark.parametrize("ask", [refresh, return_, rename, probe])
def test_requests_that_wait_for_the_cache_hold_no_connection(
    ask: Ask, transactional_db: None, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    jam, people = product(), [person() for _ in range(ASKING)]
    had = [credentials_of(one) for one in people]
    with silent_cache() as (url, asked), ThreadPoolExecutor(ASKING) as callers:
        options = {"DB_POOL_SIZE": "2", "CACHE_URL": url}
        with Server(workers=1, environment=options) as server:
            read = partial(server.call, "GET", f"products/{jam}", token=had[0]["access"])
            assert wait_until(lambda: read().status == 200)
            asking = [callers.submit(ask, server, *one) for one in zip(people, had, strict=True)]
            assert asked.wait(10)
            others = [read().status for _ in range(5)]
            is_meanwhile = not any(one.done() for one in asking)
            replies = [one.result() for one in asking]
    assert (others, is_meanwhile) == ([200] * 5, True)
    assert [reply.status for reply in replies] == [200] * ASKING, replies
