"""An unavailable replica costs no answer, and is used again when it is available."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from time import monotonic

import psycopg
import pytest

from larder.http.api_headers import decode_position
from larder.local.postgresql import Cluster
from tests.server import Server
from tests.system.faults.conftest import kill
from tests.system.replica.conftest import Phone, Shop, environment
from tests.system.replica.standby import change, delayed, frozen
from tools.processes import wait_until
from tools.with_database import temporary_cluster

LONGEST_ANSWER = 8.0
"""Seconds for a reading with its replica away, on a machine that others keep busy as well: it
waits for one and a quarter at the most."""

pytestmark = pytest.mark.timeout(180)


@contextmanager
def killed(replica: Cluster) -> Iterator[None]:
    """Kill -9 of the replica; it starts again at the end."""
    kill(replica)
    try:
        yield
    finally:
        replica.start()


def read_from_replicas(shop: Shop, phone: Phone, path: str) -> bool:
    """Whether a replica answers within a moment, by the server's own count."""
    before = shop.reads().get("replica", 0)
    assert phone("GET", path).status == 200
    return shop.reads().get("replica", 0) > before


@pytest.mark.parametrize("outage", [killed, frozen])
def test_a_server_answers_without_its_replica_and_uses_it_again_later(
    shop: Shop, outage: Callable[[Cluster], AbstractContextManager[None]]
) -> None:
    jam, phone = shop.product(), shop.phone()
    path = f"orders/{phone.order(jam)}"
    assert wait_until(lambda: read_from_replicas(shop, phone, path))
    with outage(shop.replica):
        began = monotonic()
        with ThreadPoolExecutor(12) as crowd:
            asked = [(phone.server, phone.token, phone.position)] * 24
            answers = list(crowd.map(lambda who: Phone(*who)("GET", path), asked))
        assert {answer.status for answer in answers} == {200}
        assert monotonic() - began < 2 * LONGEST_ANSWER
        began = monotonic()
        for _ in range(20):
            assert phone("GET", path).status == 200
        assert monotonic() - began < LONGEST_ANSWER
        assert phone.server.call("GET", "/readyz").body["replicas"]["replica1"]["away"]
        assert phone.server.call("GET", "/readyz").status == 200
    assert wait_until(lambda: read_from_replicas(shop, phone, path))
    assert wait_until(lambda: all(shop.reads_from_it() for _ in range(6)))


def test_a_read_that_conflicts_with_replay_is_answered_by_the_primary(
    shop: Shop,
) -> None:
    """PostgreSQL ends it: its table is locked by what the replica has to replay."""
    jam, phone = shop.product(), shop.phone()
    phone.order(jam)
    assert wait_until(lambda: read_from_replicas(shop, phone, f"products/{jam}"))
    before = shop.reads()
    change(shop.replica, "ALTER SYSTEM SET max_standby_streaming_delay = '50ms'")
    change(shop.replica, "SELECT pg_reload_conf()")
    with psycopg.connect(shop.primary.superuser_url("larder")) as owner:
        owner.execute("LOCK TABLE catalog.product IN ACCESS EXCLUSIVE MODE")
        owner.execute("SELECT pg_switch_wal()")
        locks = "SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' LIMIT 1"
        with psycopg.connect(shop.replica.superuser_url("larder"), autocommit=True) as watch:
            assert wait_until(lambda: watch.execute(locks).fetchone() is not None)
        with ThreadPoolExecutor(1) as reader:
            asked = reader.submit(phone, "GET", f"products/{jam}")
            assert wait_until(lambda: shop.reads().get("failed", 0) > before.get("failed", 0))
            owner.rollback()
            assert asked.result().status == 200
    change(shop.replica, "ALTER SYSTEM RESET max_standby_streaming_delay")
    change(shop.replica, "SELECT pg_reload_conf()")
    assert wait_until(lambda: read_from_replicas(shop, phone, f"products/{jam}"))


def test_a_replica_that_is_far_behind_is_not_used_until_it_has_caught_up(shop: Shop) -> None:
    jam, phone = shop.product(), shop.phone()
    with delayed(shop.replica, 60_000):
        phone.order(jam)
        before = shop.reads()
        for _ in range(30):
            assert phone("GET", "orders").status == 200
            assert phone("GET", "products").status == 200
        after = shop.reads()
        assert after.get("replica", 0) == before.get("replica", 0)
        assert after["behind"] >= before.get("behind", 0) + 30
    assert wait_until(lambda: read_from_replicas(shop, phone, "orders"))


def test_a_server_that_is_not_a_standby_of_the_primary_is_not_read(
    primary: Cluster, replica: Cluster, tmp_path: Path
) -> None:
    """The primary itself, another shop's, and an address without a server."""
    with temporary_cluster() as other:
        none = f"postgresql://larder_app@/larder?host={tmp_path}"
        addresses = f"{primary.app_url()},{other.superuser_url()},{none}"
        options = environment(primary) | {"REPLICA_URLS": addresses}
        with Server(workers=1, environment=options) as server:
            shop = Shop(server, primary, replica)
            jam, phone = shop.product(stock=5), shop.phone()
            order = phone.order(jam)
            for path in (f"orders/{order}", "orders", "products", f"products/{jam}") * 2:
                assert phone("GET", path).status == 200
            assert not shop.reads()["replica"]


def test_a_position_is_sent_after_commits_and_not_after_reads(shop: Shop) -> None:
    jam, phone = shop.product(), shop.phone()
    assert "larder-position" not in phone("GET", "orders").headers
    # The event loop answers if its process knows the token.
    phone.echoes = False
    sent = [phone("POST", "orders", lines(jam)).headers["larder-position"] for _ in range(8)]
    positions = [decode_position(body) for body in sent]
    assert len(set(positions)) == 8
    assert all(position is not None and position.position is not None for position in positions)
    refused = phone("POST", "orders", lines(jam, 1_000_001))
    assert refused.status >= 400
    assert "larder-position" not in refused.headers


def lines(product: int, quantity: int = 1) -> dict[str, object]:
    """The body of an order."""
    return {"lines": [{"product": product, "quantity": quantity}]}
