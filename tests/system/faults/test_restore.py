"""After a restore `since` expires: no app continues a copy of another history."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from larder.local import programs
from larder.local.postgresql import Cluster
from tests.server import Reply, Server
from tests.system.faults.shop import Shop, open_shop, prepare, read_feed, served_by
from tools.with_database import temporary_cluster

FEEDS = ("orders", "products")
LATER = 5_000
"""Transactions between a backup and what is lost with everything after it."""


@dataclass
class App:
    """A phone: its token, the order it placed, and how far its copies are."""

    access: str
    order: str
    since: dict[str, str]

    def poll(self, server: Server, feed: str, since: str) -> Reply:
        return server.call("GET", f"{feed}/changes?since={since}", token=self.access)

    def codes(self, server: Server) -> dict[str, tuple[int, str]]:
        """What the server says to each copy."""
        replies = {feed: self.poll(server, feed, since) for feed, since in self.since.items()}
        return {feed: (reply.status, reply.body.get("code", "")) for feed, reply in replies.items()}

    def copy(self, server: Server) -> dict[str, list[dict[str, Any]]]:
        """Copies everything anew; where the copies are then is kept."""
        read = {feed: read_feed(partial(self.poll, server, feed), "") for feed in FEEDS}
        self.since = {feed: since for feed, (_, since) in read.items()}
        return {feed: entries for feed, (entries, _) in read.items()}


EXPIRED = dict.fromkeys(FEEDS, (410, "since_expired"))
HOLDS = dict.fromkeys(FEEDS, (200, ""))


@pytest.fixture
def app(shop: Shop) -> App:
    """A phone with a copy of everything."""
    body = {"lines": [{"product": shop.product, "quantity": 1}]}
    order_id = shop.server.call("POST", "orders", body, token=shop.access).body["id"]
    app = App(shop.access, order_id, {})
    assert [order["id"] for order in app.copy(shop.server)["orders"]] == [order_id]
    assert app.codes(shop.server) == HOLDS
    return app


def go_on(cluster: Cluster) -> None:
    """The shop has a life after the backup."""
    with psycopg.connect(cluster.owner_url(), autocommit=True) as owner:
        owner.execute(_LIFE)
        owner.execute("UPDATE product SET name = name || '!'")
        owner.execute("UPDATE \"order\" SET note = note || '!'")


_LIFE = f"""
DO $$ BEGIN
    FOR number IN 1 .. {LATER} LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP;
END $$
"""


@contextmanager
def from_a_dump(cluster: Cluster, folder: Path) -> Iterator[Cluster]:
    """pg_dump of a shop that is open, pg_restore into another cluster."""
    dump = folder / "larder.dump"
    source, options = cluster.superuser_url("larder"), ["--clean", "--if-exists", "--exit-on-error"]
    run([programs.program("pg_dump"), "--format=custom", f"--file={dump}", f"--dbname={source}"])
    with temporary_cluster() as fresh:
        prepare(fresh)
        target = f"--dbname={fresh.superuser_url('larder')}"
        run([programs.program("pg_restore"), *options, target, dump])
        yield fresh


@contextmanager
def at_a_point_in_time(cluster: Cluster, folder: Path) -> Iterator[Cluster]:
    """A copy of the files, recovered as far as its log goes."""
    with started(copied(cluster, folder), recover=True) as recovered:
        yield recovered


def copied(cluster: Cluster, folder: Path) -> Path:
    """A backup of the files of a cluster that is stopped for it."""
    cluster.stop()
    shutil.copytree(cluster.data, folder / "copy")
    cluster.start()
    return folder / "copy"


@contextmanager
def started(data: Path, *, recover: bool) -> Iterator[Cluster]:
    """A cluster on copied files."""
    settings = {"restore_command": "false", "hot_standby": "off"} if recover else {}
    if recover:
        (data / "server" / "cluster" / "recovery.signal").touch()
    with Cluster(data, settings=settings) as running:
        yield running


def run(command: list[str | Path]) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


WAYS = [from_a_dump, at_a_point_in_time]


@pytest.mark.parametrize("restored", WAYS, ids=[way.__name__ for way in WAYS])
def test_copies_after_a_restore_begin_again_and_miss_nothing(
    restored: Callable[[Cluster, Path], Any], cluster: Cluster, app: App, tmp_path: Path
) -> None:
    go_on(cluster)
    with restored(cluster, tmp_path) as other, served_by(other) as server:
        late = App(app.access, app.order, app.since)
        assert app.codes(server) == EXPIRED
        assert [order["id"] for order in app.copy(server)["orders"]] == [app.order]
        assert app.codes(server) == HOLDS
        cancelled = server.call("POST", f"orders/{app.order}/cancel", token=app.access)
        assert cancelled.status == 200, cancelled.body
        answers = app.poll(server, "orders", app.since["orders"]).body["results"]
        assert [(order["id"], order["status"]) for order in answers] == [(app.order, "cancelled")]
        for _ in range(3):
            go_on(other)  # As far as the shop that is gone, and farther.
        assert late.codes(server) == EXPIRED


def test_copies_made_after_a_disk_snapshot_expire_when_it_is_restored(
    cluster: Cluster, app: App, tmp_path: Path
) -> None:
    """Nothing tells it from the one it was copied from, but that it is behind the copies."""
    data = copied(cluster, tmp_path)
    go_on(cluster)
    with open_shop(cluster) as shop:
        later = App(app.access, app.order, {})
        later.copy(shop.server)
        assert later.codes(shop.server) == HOLDS
    with started(data, recover=False) as other, served_by(other) as server:
        assert later.codes(server) == EXPIRED
        assert app.codes(server) == HOLDS
