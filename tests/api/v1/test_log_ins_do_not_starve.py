"""A rush of log-ins: passwords are hashed as fast as it goes, and all else goes on beside it."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from threading import Event, Thread
from time import monotonic, sleep

import pytest

from larder.common.errors import Overloaded
from larder.identity import hashers
from larder.ops.serve import THREADS
from tests.conftest import Person
from tests.server import Server

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]

CROWD = 4 * THREADS
"""Of one process, so that none of them finds another with a thread to spare."""
SLOW = "tests.api.v1.slow_log_ins:application"
HASH_SECONDS = 0.5


def within_a_thread(run: Callable[[], None]) -> Future[None]:
    """Starts it and goes on."""
    done: Future[None] = Future()

    def work() -> None:
        try:
            run()
            done.set_result(None)
        except BaseException as error:
            done.set_exception(error)

    Thread(target=work, daemon=True).start()
    return done


def test_as_many_log_ins_wait_as_may_and_the_next_is_refused_at_once() -> None:
    go = Event()

    def hash_slowly() -> None:
        with hashers._turn():
            assert go.wait(30)

    most = hashers.HASHES_AT_ONCE + hashers.MOST_WAITING
    running = [within_a_thread(hash_slowly) for _ in range(most)]
    try:
        until = monotonic() + 10
        while hashers._places._value and monotonic() < until:
            sleep(0.001)
        began = monotonic()
        with pytest.raises(Overloaded), hashers._turn():
            pass
        assert monotonic() - began < 1
    finally:
        go.set()
    for one in running:
        one.result(30)
    with hashers._turn():
        pass


@pytest.fixture
def as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test sets is undone after it."""
    for name in ("HASHES_AT_ONCE", "MOST_WAITING", "_turns", "_places"):
        monkeypatch.setattr(hashers, name, getattr(hashers, name))


@pytest.mark.parametrize(
    ("cores", "processes", "at_once"), [(2, 2, 1), (1, 2, 1), (16, 16, 1), (16, 2, 4), (64, 2, 9)]
)
def test_two_thirds_of_the_threads_and_half_of_the_cores_are_left_to_all_others(
    cores: int, processes: int, at_once: int, monkeypatch: pytest.MonkeyPatch, as_before: None
) -> None:
    monkeypatch.setattr(hashers, "_cores", lambda: cores)
    hashers.let_hash(threads=THREADS, processes=processes)
    assert at_once == hashers.HASHES_AT_ONCE
    assert hashers.HASHES_AT_ONCE + hashers.MOST_WAITING <= THREADS // 3


def test_with_few_threads_one_hashes_and_one_waits(as_before: None) -> None:
    hashers.let_hash(threads=1, processes=1)
    assert (hashers.HASHES_AT_ONCE, hashers.MOST_WAITING) == (1, 1)


@dataclass
class Rush:
    """What log-ins were answered, and how long everything else took meanwhile, in seconds."""

    statuses: Counter[int] = field(default_factory=Counter)
    pages: list[float] = field(default_factory=list)
    orders: list[float] = field(default_factory=list)
    others: Counter[int] = field(default_factory=Counter)

    def ask(self, server: Server, token: str, product: int) -> None:
        """A page of the list, and an order."""
        lines = {"lines": [{"product": product, "quantity": 1}]}
        asked = [("GET", "products", None, self.pages), ("POST", "orders", lines, self.orders)]
        for method, path, body, times in asked:
            began = monotonic()
            answer = server.call(method, path, body, token=token)
            times.append(monotonic() - began)
            self.others[answer.status] += 1


@contextmanager
def logging_in(server: Server, who: Person, rush: Rush) -> Iterator[None]:
    """CROWD clients log in, again and again; those who are told to come back later do."""
    over = Event()
    credentials = {"username": who.customer.username, "password": who.password}

    def log_in(_: int) -> None:
        while not over.is_set():
            answer = server.call("POST", "auth/token", credentials)
            rush.statuses[answer.status] += 1
            if answer.status == 503:
                over.wait(int(answer.headers["retry-after"]))

    with ThreadPoolExecutor(CROWD) as pool:
        crowd = [pool.submit(log_in, number) for number in range(CROWD)]
        try:
            sleep(1)
            yield
        finally:
            over.set()
        for one in crowd:
            one.result(60)


def beside_a_rush(server: Server, who: Person, product: int) -> Rush:
    """What pages and orders took meanwhile."""
    token, rush = server.token(who.customer.username, who.password), Rush()
    with logging_in(server, who, rush):
        until = monotonic() + 5
        while monotonic() < until:
            rush.ask(server, token, product)
    return rush


def test_beside_a_rush_of_log_ins_pages_and_orders_go_on(
    transactional_db: None, person: MakePerson, product: MakeProduct
) -> None:
    jam, who = product(stock=100_000), person()
    with Server(workers=1, application=SLOW) as server:
        rush = beside_a_rush(server, who, jam)
    assert set(rush.others) == {200, 201}, rush.others
    assert set(rush.statuses) == {200, 503}, rush.statuses
    assert median(rush.pages) < HASH_SECONDS / 2
    assert median(rush.orders) < HASH_SECONDS / 2


def test_without_the_bound_log_ins_hold_all_threads_and_all_else_waits(
    transactional_db: None, person: MakePerson, product: MakeProduct
) -> None:
    jam, who = product(stock=100_000), person()
    with Server(workers=1, application=SLOW, environment={"BOUNDLESS": "1"}) as server:
        rush = beside_a_rush(server, who, jam)
    assert median([*rush.pages, *rush.orders]) > HASH_SECONDS
