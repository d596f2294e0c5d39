"""While the primary does not answer, the replica answers what it can answer rightly."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any

import pytest

from tests.server import Reply, Server
from tests.system.faults.conftest import kill
from tests.system.replica.conftest import Phone, Shop, environment
from tests.system.replica.standby import frozen, paused
from tools.local_postgres import Cluster
from tools.processes import wait_until
from tools.wire import Wire

LASTS = 13.0
"""Seconds of an outage: a failover takes as long at most, and the sessions become due."""
LONGEST_PAUSE = 5.0
"""Seconds without an answer to one kind of read, on a machine that others keep busy as well. One
question to the primary takes three at most."""

KNOWN = 4.0
"""Seconds after which both processes know that the primary does not answer, if there are reads."""

IDLE = 11.0
"""Seconds without a request, after which a process reads the ended sessions again."""

AT_ONCE = 2.0
"""Seconds for eight refusals. A wait for a connection takes two for each process."""

pytestmark = pytest.mark.timeout(180)


@contextmanager
def killed(primary: Cluster) -> Iterator[None]:
    """Kill -9; it starts again at the end."""
    kill(primary)
    try:
        yield
    finally:
        primary.start()


@contextmanager
def stopped(primary: Cluster) -> Iterator[None]:
    """Stopped as by an operator; it starts again at the end."""
    primary.stop()
    try:
        yield
    finally:
        primary.start()


Outage = Callable[[Cluster], AbstractContextManager[None]]


@contextmanager
def away(shop: Shop, outage: Outage = killed) -> Iterator[None]:
    """The primary does not answer, until the end; then both processes use it again."""
    with outage(shop.primary):
        yield

    assert wait_until(lambda: all(ready(shop)[2] for _ in range(12)))


def onlooker(shop: Shop, jam: int) -> tuple[Phone, str]:
    """Returns a customer whose session both processes have read, and the id of an order."""
    phone = shop.phone()
    order = phone.order(jam)
    shop.catch_up()
    for _ in range(12):
        assert phone("GET", "orders").status == 200
        phone.server.hang_up()
    return phone, order


def another(phone: Phone, *, echoes: bool = True) -> Phone:
    """The same account in another app."""
    return Phone(phone.server, phone.token, phone.position, echoes)


@dataclass
class Looked:
    """The longest time without an answer 200 to a read, and the answers."""

    pause: float
    answers: list[Reply]

    @property
    def last(self) -> Any:
        """The body of the last answer 200."""
        return next(one.body for one in reversed(self.answers) if one.status == 200)


def look(phone: Phone, path: str, seconds: float, after: float) -> Looked:
    """Reads again and again on new connections, which reach both processes."""
    pause, answers = 0.0, []
    sleep(after)
    last = began = monotonic()
    while monotonic() - began < seconds:
        answers.append(phone("GET", path))
        phone.server.hang_up()
        if answers[-1].status == 200:
            pause, last = max(pause, monotonic() - last), monotonic()
        sleep(0.02)
    return Looked(max(pause, monotonic() - last), answers)


@pytest.mark.parametrize("outage", [killed, stopped, frozen])
def test_reads_go_on_without_the_primary(shop: Shop, outage: Outage) -> None:
    jam = shop.product()
    phone, order = onlooker(shop, jam)
    own = (f"orders/{order}", "orders", f"orders/{order}/events")
    catalog = (f"products/{jam}", "products", "categories")
    asked = [(path, True) for path in (*own, *catalog)] + [(path, False) for path in catalog]
    with away(shop, outage), ThreadPoolExecutor(len(asked)) as crowd:
        # What is under way at the primary when it freezes is lost after 15 s.
        looks = [
            crowd.submit(look, another(phone, echoes=echoes), path, LASTS, not echoes and KNOWN)
            for path, echoes in asked
        ]
        found = dict(zip(asked, [one.result() for one in looks], strict=True))
    pauses = {one: looked.pause for one, looked in found.items()}
    assert max(pauses.values()) < LONGEST_PAUSE, pauses
    assert {one.status for looked in found.values() for one in looked.answers} <= {200, 503}
    assert found[own[0], True].last["id"] == order
    assert [one["id"] for one in found[own[1], True].last["results"]] == [order]


def refused(answer: Reply) -> bool:
    """Whether the answer is that the client should come again."""
    return (answer.status, answer.code) == (503, "database_unavailable") and bool(
        answer.headers.get("retry-after")
    )


def test_the_replica_does_not_answer_after_a_write_without_a_known_outcome(shop: Shop) -> None:
    jam = shop.product()
    phone, order = onlooker(shop, jam)
    other, wanted = another(phone), {"lines": [{"product": jam, "quantity": 1}]}
    with away(shop):
        assert other("GET", f"orders/{order}").status in {200, 503}
        assert phone("POST", "orders", wanted).status == 503
        for one in (phone, other):
            for path in (f"orders/{order}", "orders", "products"):
                began = monotonic()
                assert refused(one("GET", path)), path
                assert monotonic() - began < LONGEST_PAUSE
                one.server.hang_up()


def test_an_order_that_the_replica_lacks_is_not_denied(shop: Shop) -> None:
    jam = shop.product()
    phone, _ = onlooker(shop, jam)
    with paused(shop.replica):
        order = phone.order(jam)
        with away(shop):
            for path in (f"orders/{order}", "orders"):
                for _ in range(4):
                    assert refused(phone("GET", path)), path
                    phone.server.hang_up()


def test_what_another_server_has_written_is_not_denied(
    shop: Shop, primary: Cluster, replica: Cluster
) -> None:
    """Only the other server does not reach the primary."""
    jam = shop.product()
    phone, _ = onlooker(shop, jam)
    with Wire(primary.app_url()) as wire:
        options = environment(primary, replica) | {"DATABASE_URL": wire.url}
        with Server(workers=1, environment=options) as server:
            other = Phone(server, phone.token, phone.position)
            assert other("GET", "orders").status == 200
            with paused(shop.replica):
                wire.go_away(20)
                order = phone.order(jam)
                assert phone("GET", f"orders/{order}").status == 200
                assert wait_until(lambda: other("GET", "products").status == 200)
                assert refused(other("GET", f"orders/{order}"))
                other.position = phone.position
                assert refused(other("GET", "orders"))


def test_reads_without_a_position_do_not_wait_for_the_primary(shop: Shop) -> None:
    jam = shop.product()
    phone, order = onlooker(shop, jam)
    nameless = another(phone, echoes=False)
    with away(shop, frozen):
        look(phone, "products", KNOWN, 0)
        began = monotonic()
        for path in (f"orders/{order}", "orders") * 4:
            assert refused(nameless("GET", path))
            nameless.server.hang_up()
        assert monotonic() - began < AT_ONCE


@contextmanager
def new_process(shop: Shop) -> Iterator[tuple[Phone, str]]:
    """A phone at another server, with one process that has answered one read, and its order."""
    phone, order = onlooker(shop, shop.product())
    with Server(workers=1, environment=environment(shop.primary, shop.replica)) as server:
        other = Phone(server, phone.token, phone.position)
        assert other("GET", f"orders/{order}").status == 200
        yield other, order


def test_sessions_that_cannot_be_read_again_stay_known(shop: Shop) -> None:
    """A new process reads them with the first request."""
    with new_process(shop) as (other, order):
        sleep(IDLE)
        with away(shop):
            answers = [other("GET", f"orders/{order}") for _ in range(12)]
            assert [one.code for one in answers] == ["200"] * 12


def test_a_server_is_ready_while_a_replica_answers_reads(shop: Shop) -> None:
    onlooker(shop, shop.product())
    assert all(ready(shop) == (200, False, True) for _ in range(12))
    with away(shop, stopped):
        began = monotonic()
        assert all(ready(shop) == (200, True, False) for _ in range(12))
        assert wait_until(lambda: ready(shop) == (503, False, False), 40)
        assert monotonic() - began > READY_FOR
    assert all(ready(shop) == (200, False, True) for _ in range(12))


def test_a_server_is_not_ready_without_primary_and_replica(shop: Shop) -> None:
    onlooker(shop, shop.product())
    assert all(ready(shop) == (200, False, True) for _ in range(12))
    with away(shop, stopped), stopped(shop.replica):
        assert all(ready(shop) == (503, False, False) for _ in range(12))


READY_FOR = 29.0
"""Seconds for which a replica answers without the primary, about."""


def ready(shop: Shop) -> tuple[int, bool, bool]:
    """What a process, whichever answers, says: the status, whether it only reads, and whether the
    primary answers."""
    answer = shop.server.call("GET", "/readyz")
    shop.server.hang_up()
    return answer.status, answer.body["degraded"], answer.body["checks"]["database"]


def test_a_server_that_was_not_ready_before_does_not_become_ready_without_the_primary(
    shop: Shop,
) -> None:
    """As a new version that waits for its migration: it has reached the primary, and reads."""
    with new_process(shop) as (other, order):
        with away(shop):
            assert other("GET", f"orders/{order}").status == 200
            assert other.server.call("GET", "/readyz").status == 503
        assert wait_until(lambda: other.server.call("GET", "/readyz").status == 200)


def test_a_server_without_replicas_is_not_ready_without_its_database(primary: Cluster) -> None:
    options = environment(primary)
    with (
        Wire(primary.app_url()) as wire,
        Server(workers=1, environment=options | {"DATABASE_URL": wire.url}) as server,
    ):
        assert server.call("GET", "/readyz").status == 200
        wire.go_away(5)
        assert server.call("GET", "/readyz").status == 503
