"""After a crash PostgreSQL uses transaction ids again that were never written to disk.

A server that stored such an id as a position could take new transactions for old ones.
"""

import os
import signal
from time import monotonic, sleep
from typing import Any

import psycopg
import pytest

from larder.core.ids import new_id
from larder.local.postgresql import Cluster
from tests.server import Reply
from tests.system.faults.shop import RECOVERY, Shop, read_feed
from tools.processes import alive, wait_until

ROLLED_BACK = "DO $$ BEGIN PERFORM pg_current_xact_id(); RAISE 'no'; END $$"
BACKENDS = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
IDS = 50
ROUNDS = 4

pytestmark = pytest.mark.timeout(120)


def crash(cluster: Cluster) -> None:
    """One backend is killed. Returns when all others have ended too: one that has not could still
    commit. Those that start anew wait for the recovery."""
    with psycopg.connect(cluster.superuser_url("larder")) as superuser:
        backends = [pid for (pid,) in superuser.execute(BACKENDS)]
        os.kill(superuser.info.backend_pid, signal.SIGKILL)
        with pytest.raises(psycopg.OperationalError):
            superuser.execute("SELECT")
    assert wait_until(lambda: not any(map(alive, backends)))


def roll_back(cluster: Cluster) -> None:
    """Takes ids for transactions that come to nothing."""
    with psycopg.connect(cluster.owner_url(), autocommit=True) as owner:
        for _ in range(IDS):
            with pytest.raises(psycopg.errors.RaiseException):
                owner.execute(ROLLED_BACK)


def persistent(shop: Shop, method: str, path: str, body: object = None) -> Reply:
    """An answer, for which the recovery is waited for; nothing else is queried meanwhile."""
    headers, deadline = {"Idempotency-Key": f"{new_id()}"}, monotonic() + RECOVERY
    while True:
        answer = shop.server.call(method, path, body, token=shop.access, headers=headers)
        if answer.status < 500:
            return answer
        assert monotonic() < deadline, answer.body
        sleep(0.05)


def order(shop: Shop) -> str:
    """The id of a new order of one unit."""
    body = {"lines": [{"product": shop.product, "quantity": 1}]}
    answer = persistent(shop, "POST", "orders", body)
    assert answer.status == 201, answer.body
    return str(answer.body["id"])


def changes(shop: Shop, feed: str, since: str) -> tuple[list[dict[str, Any]], str]:
    """All changes of a feed, however many products earlier tests have left."""
    return read_feed(lambda since: persistent(shop, "GET", f"{feed}/changes?since={since}"), since)


def listed(shop: Shop) -> int:
    """What the list says of the one product, in whichever process."""
    shop.server.hang_up()
    page = persistent(shop, "GET", f"products?ids={shop.product}")
    return int(page.body["results"][0]["quantity"])


@pytest.fixture(autouse=True)
def unhurried(cluster: Cluster) -> None:
    """What no commit waits for stays in memory: else it is a matter of a fifth of a second."""
    with psycopg.connect(cluster.superuser_url("larder"), autocommit=True) as superuser:
        superuser.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
        superuser.execute("SELECT pg_reload_conf()")


def next_id(cluster: Cluster) -> int:
    """Of transactions; asking takes none."""
    with psycopg.connect(cluster.owner_url(), autocommit=True) as owner:
        row = owner.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text").fetchone()
        assert row is not None
        return int(row[0])


def test_a_cached_page_from_before_a_crash_is_not_used_after_it(
    shop: Shop, cluster: Cluster
) -> None:
    before, met = listed(shop), 0
    for sold in range(1, ROUNDS + 1):
        roll_back(cluster)
        then = next_id(cluster)
        assert {listed(shop) for _ in range(12)} == {before - sold + 1}
        crash(cluster)
        order(shop)
        met += next_id(cluster) <= then
        with psycopg.connect(cluster.owner_url(), autocommit=True) as owner:
            while next_id(cluster) < then:
                owner.execute("SELECT pg_current_xact_id()")
        # The snapshot reads as it did when the pages were made.
        assert {listed(shop) for _ in range(12)} == {before - sold}
    assert met, "no id was given out again"


def test_an_earlier_copy_gets_the_later_changes(shop: Shop, cluster: Cluster) -> None:
    feeds = ("orders", "products")
    for _ in range(ROUNDS):
        roll_back(cluster)
        since = {feed: changes(shop, feed, "")[1] for feed in feeds}
        crash(cluster)
        placed = order(shop)
        with psycopg.connect(cluster.owner_url(), autocommit=True) as owner:
            owner.execute("UPDATE product SET name = name || '!'")
            for _ in range(2 * IDS):
                owner.execute("SELECT pg_current_xact_id()")
        answers = {feed: changes(shop, feed, since[feed])[0] for feed in feeds}
        assert placed in [answer["id"] for answer in answers["orders"]]
        assert shop.product in [answer["id"] for answer in answers["products"]]
