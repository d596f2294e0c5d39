"""During many log-ins passwords are hashed continuously and other requests are served."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from threading import Event, Thread
from time import monotonic, sleep

import pytest

from larder.core.errors import Overloaded
from larder.core.shares import Waiter
from larder.identity.passwords import hashers
from larder.identity.passwords.hashers import HashQueue, Lane
from larder.ops.serve import THREADS
from tests.conftest import Person
from tests.latency import lowest
from tests.server import Server
from tests.tiers import LONGEST
from tests.v1.waiting import SLOW

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]

CROWD = 4 * THREADS
"""Of one process, so that none of them finds another with a thread to spare."""
HASH_SECONDS = 2.0
"""Much longer than what a busy machine delays an answer by."""
HASHES = {"HASH_SECONDS": str(HASH_SECONDS)}


def within_a_thread(run: Callable[[], None]) -> Future[None]:
    """Starts the function in a thread."""
    done: Future[None] = Future()

    def work() -> None:
        try:
            run()
            done.set_result(None)
        except BaseException as error:
            done.set_exception(error)

    Thread(target=work, daemon=True).start()
    return done


@pytest.fixture
def queue() -> HashQueue:
    """One hash at a time, two places in each lane."""
    return HashQueue(1, {"returning": 2, "open": 2})


@contextmanager
def hashing(queue: HashQueue, lane: Lane) -> Iterator[None]:
    """A log-in of this lane."""
    with queue.in_lane(lane) as mine, queue.slot(mine):
        yield


@contextmanager
def holding(places: Iterable[AbstractContextManager[Waiter]]) -> Iterator[None]:
    """Submits all of them at the same time."""
    with ExitStack() as held:
        for one in places:
            held.enter_context(one)
        yield


def waits(queue: HashQueue, lane: Lane, threads: int) -> bool:
    """Returns whether so many threads wait in the lane."""
    until = monotonic() + 10
    while len(queue._lanes[lane].waiting) != threads and monotonic() < until:
        sleep(0.001)
    return len(queue._lanes[lane].waiting) == threads


def test_log_ins_above_the_waiting_limit_are_refused_at_once(queue: HashQueue) -> None:
    with holding(queue.in_lane("open") for _ in range(2)):
        began = monotonic()
        with pytest.raises(Overloaded), hashing(queue, "open"):
            pass
        assert monotonic() - began < hashers.LONGEST_WAIT / 2
    with hashing(queue, "open"):
        pass


def test_log_ins_without_proof_take_no_slot_of_returning_clients(queue: HashQueue) -> None:
    lanes: tuple[tuple[Lane, Lane], ...] = (("open", "returning"), ("returning", "open"))
    for full, other in lanes:
        with holding(queue.in_lane(full) for _ in range(2)), hashing(queue, other):
            assert queue._lanes[full].places == 0
            assert queue._lanes[other].places == 1


def test_returning_clients_get_a_slot_first_and_each_lane_is_first_in_first_out(
    queue: HashQueue,
) -> None:
    order: list[str] = []

    def log_in(lane: Lane, name: str) -> None:
        with hashing(queue, lane):
            order.append(name)

    running = []
    with queue.slot(Waiter("open", ())):
        for lane, name in (("open", "a"), ("open", "b"), ("returning", "c"), ("returning", "d")):
            waiting = len(queue._lanes[lane].waiting) + 1
            running.append(within_a_thread(partial(log_in, lane, name)))  # type: ignore[arg-type]
            assert waits(queue, lane, waiting)  # type: ignore[arg-type]
    for one in running:
        one.result(LONGEST)
    assert order == ["c", "d", "a", "b"]


def test_a_log_in_that_waits_too_long_is_refused_and_keeps_no_slot(
    queue: HashQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashers, "LONGEST_WAIT", 0.02)
    with queue.slot(Waiter("open", ())), pytest.raises(Overloaded), hashing(queue, "returning"):
        pass
    with hashing(queue, "returning"):
        assert queue._free == 0
    assert queue._free == 1


def refusals(queue: HashQueue, number: int) -> list[int]:
    """Returns the `Retry-After` seconds of so many clients that are refused at the same time."""
    found = []
    with holding(queue.in_lane("open") for _ in range(2)):
        for _ in range(number):
            with pytest.raises(Overloaded) as refused, queue.in_lane("open"):
                pass
            found.append(refused.value.retry_after)
    return found


def test_refused_clients_are_spread_over_the_time_that_their_hashes_take(
    queue: HashQueue,
) -> None:
    """With the same second for all of them they would return at the same time."""
    queue._seconds = 0.05
    waits = refusals(queue, 200)
    assert sum(waits[:20]) / 20 < 3
    assert 7 < sum(waits[-20:]) / 20 < 15
    assert len(set(waits[-20:])) > 3


def test_no_refused_client_waits_longer_than_a_minute(queue: HashQueue) -> None:
    assert 10 < max(refusals(queue, 10_000)) < 60


@pytest.mark.parametrize(
    ("cores", "processes", "at_once"), [(2, 2, 1), (1, 2, 1), (16, 16, 1), (16, 2, 4), (64, 2, 9)]
)
def test_half_of_the_cores_are_reserved_for_other_requests(
    cores: int, processes: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashers, "_cores", lambda: cores)
    monkeypatch.setattr(hashers, "_queue", [hashers._queue[0]])
    hashers.use(threads=THREADS, processes=processes)
    assert hashers._queue[0]._at_once == at_once


def test_four_of_ten_threads_neither_hash_nor_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashers, "_queue", [hashers._queue[0]])
    hashers.use(threads=THREADS, processes=2)
    lines = hashers._queue[0]._lanes.values()
    assert sum(line.places for line in lines) <= 0.6 * THREADS
    hashers.use(threads=1, processes=1)
    assert [line.places for line in hashers._queue[0]._lanes.values()] == [1, 2]


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
        for one in crowd:
            one.result(60)


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


@pytest.mark.system
def test_without_the_limit_log_ins_occupy_all_threads(
    transactional_db: None, person: MakePerson, product: MakeProduct
) -> None:
    jam, who = product(stock=100_000), person()
    with Server(workers=1, application=SLOW, environment=HASHES | {"BOUNDLESS": "1"}) as server:
        rush = beside_a_rush(server, who, jam)
    assert median([*rush.pages, *rush.orders]) > HASH_SECONDS
