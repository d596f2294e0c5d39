"""Programs of the stack are killed under load: no acknowledged order is lost or placed twice, and
the stack recovers by itself.
"""

import logging
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Event
from time import monotonic

import pytest

from tests.conftest import Person
from tests.system.faults.load import Load
from tests.system.race.shops import PASSWORD
from tests.system.stack.front_door import BACK_SECONDS, FrontDoor
from tools.errors import LauncherError
from tools.processes import children, send, wait_until
from tools.stack import Stack
from tools.stack.process import Process

MakePerson = Callable[[], Person]
MakeProduct = Callable[[int], int]
STOCK = 100_000
CUSTOMERS, SOME = 6, 15
ANSWERED_SECONDS = 6.0
"""Three, on such a machine."""
LATER = frozenset({502, 503, 504})


@pytest.fixture
def load(front: FrontDoor, customer: MakePerson, product: MakeProduct) -> Load:
    """Customers who know nothing but nginx, and repeat what they got no answer to."""
    token = front.token(customer().customer.username, PASSWORD)
    return Load(front, token, product(STOCK), later=LATER)


def assert_kept(load: Load) -> None:
    """A unit is gone for each acknowledged order, and no other."""
    load.server.hang_up()
    shown = load.server.call("GET", f"products/{load.product}", token=load.token)
    assert shown.body["quantity"] == STOCK - len(load.acknowledged)
    assert len(set(load.acknowledged.values())) == len(load.acknowledged)


def kill(process: Process) -> None:
    """As soon as it runs: a worker without its database ends by itself, some time later, which may
    be just now."""

    def was_running() -> bool:
        with suppress(LauncherError):
            process.signal(signal.SIGKILL)
            return True
        return False

    assert wait_until(lambda: process.healthy and was_running(), BACK_SECONDS)


def is_back_since(began: float) -> None:
    """Written to the log: `-o log_cli=true --log-cli-level=INFO`."""
    seconds = monotonic() - began
    logging.getLogger(__name__).info("back after %.1f s", seconds)
    assert seconds < BACK_SECONDS


@contextmanager
def readers(load: Load) -> Iterator[Counter[int]]:
    """Two who look at products all the time; what they were answered, by status."""
    seen: Counter[int] = Counter()
    over = Event()

    def look() -> None:
        while not over.is_set():
            path = f"products/{load.product}"
            seen[load.server.call("GET", path, token=load.token).status] += 1
        load.server.hang_up()

    with ThreadPoolExecutor(2) as crowd:
        looking = [crowd.submit(look) for _ in range(2)]
        try:
            yield seen
        finally:
            over.set()
        for one in looking:
            one.result()


def test_a_killed_server_fails_no_read_and_loses_no_order(stack: Stack, load: Load) -> None:
    """What was sent to it is not sent to the other by nginx, but by the customer; what can be
    requested twice is requested twice."""
    with load.running(CUSTOMERS), readers(load) as seen:
        load.wait_for(SOME)
        kill(stack["app1"])
        assert not stack["app1"].healthy
        load.wait_for(SOME)
        assert wait_until(lambda: stack["app1"].healthy, BACK_SECONDS)
        load.wait_for(SOME)
    assert seen.keys() == {200}, seen
    assert load.repeated <= CUSTOMERS
    assert_kept(load)


def test_an_order_that_was_sent_to_a_server_is_not_sent_to_another_one(
    stack: Stack, load: Load
) -> None:
    """It may have been placed there. Frozen, a server takes requests and answers none."""
    body = {"lines": [{"product": load.product, "quantity": 1}]}

    def place() -> int:
        try:
            return load.server.call("POST", "orders", body, token=load.token).status
        finally:
            load.server.hang_up()

    frozen = stack["app1"]
    with ThreadPoolExecutor(CUSTOMERS) as crowd:
        for pid in (frozen.pid, *children(frozen.pid)):
            send(pid, signal.SIGSTOP)
        try:
            placing = [crowd.submit(place) for _ in range(CUSTOMERS)]
            assert wait_until(lambda: any(one.done() for one in placing), 30)
        finally:
            frozen.signal(signal.SIGKILL)
        answered = Counter(one.result() for one in placing)
    assert answered.keys() == {201, 502}, answered
    shown = load.server.call("GET", f"products/{load.product}", token=load.token)
    assert shown.body["quantity"] == STOCK - answered[201]


def test_all_clients_get_retry_after_if_both_servers_are_killed(stack: Stack, load: Load) -> None:
    with load.running(CUSTOMERS):
        load.wait_for(SOME)
        kill(stack["app1"])
        kill(stack["app2"])
        began = monotonic()
        reply = load.server.call("GET", "/livez")
        # nginx may know of neither yet, or one may be up again at once: the first that is answered.
        while reply.status != 502:
            assert monotonic() - began < BACK_SECONDS, "no client got Retry-After"
            reply = load.server.call("GET", "/livez")
        assert reply.body["code"] == "bad_gateway"
        assert reply.headers["retry-after"] == "1"
        load.wait_for(SOME)
        is_back_since(began)
    assert_kept(load)


@pytest.mark.parametrize("service", ["pgbouncer", "primary", "replica", "redis", "worker"])
def test_orders_are_placed_after_a_program_was_killed(
    service: str, stack: Stack, load: Load
) -> None:
    with load.running(CUSTOMERS):
        load.wait_for(SOME)
        kill(stack[service])
        began = monotonic()
        load.wait_for(SOME)
        is_back_since(began)
        assert wait_until(lambda: stack[service].healthy, BACK_SECONDS)
        load.wait_for(SOME)
    assert_kept(load)


def test_clients_get_a_quick_503_during_an_outage_and_are_served_soon_after(
    stack: Stack, load: Load
) -> None:
    """PgBouncer waits for a database no longer than the servers do for a connection."""
    stack["primary"].stop()
    path = f"products/{load.product}"
    for _ in range(4):
        began = monotonic()
        reply = load.server.call("GET", path, token=load.token)
        assert (reply.status, reply.body["code"]) == (503, "database_unavailable")
        assert monotonic() - began < ANSWERED_SECONDS
        load.server.hang_up()
    stack["primary"].start()
    began = monotonic()
    assert wait_until(
        lambda: load.server.call("GET", path, token=load.token).status == 200, BACK_SECONDS
    )
    is_back_since(began)


def test_the_proxy_reloads_its_configuration_without_losing_a_request(
    stack: Stack, load: Load
) -> None:
    """As after a new certificate."""
    with load.running(CUSTOMERS):
        load.wait_for(SOME)
        stack["nginx"].signal(signal.SIGHUP)
        load.wait_for(SOME * CUSTOMERS)
    assert_kept(load)
