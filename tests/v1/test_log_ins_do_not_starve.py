"""During many log-ins passwords are hashed continuously and other requests are served."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from threading import Event
from time import monotonic, sleep

import pytest

from larder.core import waits
from larder.core.errors import Overloaded
from larder.identity import hashers
from larder.ops.serve import THREADS
from tests.conftest import Person
from tests.latency import lowest
from tests.server import Server
from tests.v1.waiting import SLOW

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]

CROWD = 4 * THREADS
"""Of one process, so that none of them finds another with a thread to spare."""
HASH_SECONDS = 2.0
"""Much longer than what a busy machine delays an answer by."""
HASHES = {"HASH_SECONDS": str(HASH_SECONDS)}


def test_log_ins_without_a_place_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashers, "_lanes", hashers.lanes_of(staff=1, others=1))
    with hashers.slot("others"):
        began = monotonic()
        with pytest.raises(Overloaded), hashers.slot("others"):
            pass
        assert monotonic() - began < waits.LONGEST_WAIT / 2
        with hashers.slot("staff"):
            pass
    with hashers.slot("others"):
        pass


def test_a_log_in_that_waits_too_long_is_refused_and_keeps_no_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waits, "LONGEST_WAIT", 0.02)
    monkeypatch.setattr(hashers, "_lanes", hashers.lanes_of(staff=1, others=2))
    with hashers.slot("others"):
        for _ in range(2):
            with pytest.raises(Overloaded), hashers.slot("others"):
                pass
    with hashers.slot("others"):
        pass


def test_four_of_ten_threads_neither_hash_nor_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    def places() -> list[int]:
        lanes = hashers._lanes.values()
        return [turns._present._most for turns in lanes]

    monkeypatch.setattr(hashers, "_lanes", {})
    hashers.use(threads=THREADS)
    assert sum(places()) <= 0.6 * THREADS
    hashers.use(threads=1)
    assert places() == [1, 2]


@dataclass
class Rush:
    """The answers to log-ins, and the duration of other requests in seconds."""

    statuses: Counter[int] = field(default_factory=Counter)
    pages: list[float] = field(default_factory=list)
    orders: list[float] = field(default_factory=list)
    others: Counter[int] = field(default_factory=Counter)

    def ask(self, server: Server, token: str, product: int) -> None:
        """Requests a page of the list and places an order."""
        lines = {"lines": [{"product": product, "quantity": 1}]}
        asked = [("GET", "products", None, self.pages), ("POST", "orders", lines, self.orders)]
        for method, path, body, times in asked:
            began = monotonic()
            answer = server.call(method, path, body, token=token)
            times.append(monotonic() - began)
            self.others[answer.status] += 1


@contextmanager
def logging_in(server: Server, who: Person, rush: Rush) -> Iterator[None]:
    """Runs CROWD clients that log in again and again; refused ones retry a second later."""
    over = Event()
    credentials = {"username": who.customer.username, "password": who.password}

    def log_in(_: int) -> None:
        while not over.is_set():
            answer = server.call("POST", "auth/token", credentials)
            rush.statuses[answer.status] += 1
            if answer.status == 503:
                over.wait(1)

    with ThreadPoolExecutor(CROWD) as pool:
        crowd = [pool.submit(log_in, number) for number in range(CROWD)]
        try:
            sleep(1)
            yield
        finally:
            over.set()
        for future in crowd:
            future.result(60)


def beside_a_rush(server: Server, who: Person, product: int) -> Rush:
    """Returns the durations of pages and orders."""
    token, rush = server.token(who.customer.username, who.password), Rush()
    with logging_in(server, who, rush):
        until = monotonic() + 5
        while monotonic() < until:
            rush.ask(server, token, product)
    return rush


@pytest.mark.system
def test_pages_and_orders_are_served_during_many_log_ins(
    transactional_db: None, person: MakePerson, product: MakeProduct
) -> None:
    jam, who = product(stock=100_000), person()

    def median_delay() -> float:
        rush = beside_a_rush(server, who, jam)
        assert set(rush.others) == {200, 201}, rush.others
        assert set(rush.statuses) == {200, 503}, rush.statuses
        return max(median(rush.pages), median(rush.orders))

    with Server(workers=1, application=SLOW, environment=HASHES) as server:
        assert lowest(median_delay, HASH_SECONDS / 2) <= HASH_SECONDS / 2
