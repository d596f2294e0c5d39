"""Reads go on in a failover that follows another one at once, before any checkpoint."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server import Server
from tests.system.replica.conftest import Phone, Shop, environment
from tests.system.replica.standby import ask, catch_up, change
from tools.local_postgres import Cluster
from tools.local_postgres.standby import standby
from tools.processes import wait_until
from tools.wire import Wire

pytestmark = pytest.mark.timeout(180)

AWAY = 12.0
"""Seconds without a primary: the answers are given in the first few."""

CONTROL_FILE = "SELECT timeline_id FROM pg_control_checkpoint()"


@pytest.fixture
def chain(primary: Cluster, tmp_path: Path) -> Iterator[list[Cluster]]:
    """Three replicas, each of the one before it: the others follow one that is promoted."""
    with (
        standby(primary, tmp_path / "first") as first,
        standby(primary, tmp_path / "second") as second,
        standby(primary, tmp_path / "third") as third,
    ):
        follow(second, first)
        follow(third, second)
        yield [first, second, third]


def follow(replica: Cluster, other: Cluster) -> None:
    """From now on the replica streams from the other one."""
    change(replica, f"ALTER SYSTEM SET primary_conninfo = '{other.superuser_url()}'")
    change(replica, "ALTER SYSTEM SET primary_slot_name = ''")
    change(replica, "SELECT pg_reload_conf()")


def promote(successor: Cluster, shop: Shop, wire: Wire) -> None:
    """It takes the place of the primary."""
    catch_up(shop.primary, shop.replica)
    assert ask(successor, "SELECT pg_promote()") == "True"
    shop.primary = successor
    wire.lead_to(successor.app_url())
    wire.cut()


def await_reads_from_it(phone: Phone, path: str, shop: Shop) -> None:
    """Returns once the replica answers, though it has made no restart point."""

    def does() -> bool:
        before = shop.reads().get("replica", 0)
        return phone("GET", path).status == 200 and shop.reads().get("replica", 0) > before

    catch_up(shop.primary, shop.replica)
    assert wait_until(does)
    assert ask(shop.replica, CONTROL_FILE) == "1"


def uses_the_primary(server: Server) -> bool:
    return bool(server.call("GET", "/readyz").body["checks"]["database"])


def test_reads_go_on_in_each_of_two_failovers(
    primary: Cluster, chain: list[Cluster], tmp_path: Path
) -> None:
    *successors, reader = chain
    counts = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    with Wire(primary.app_url()) as wire:
        options = environment(primary, reader) | {"DATABASE_URL": wire.url} | counts
        with Server(workers=1, environment=options) as server:
            shop = Shop(server, primary, reader)
            jam, phone, onlooker = shop.product(), shop.phone(), shop.phone()
            earlier = f"orders/{onlooker.order(jam)}"
            for successor in successors:
                promote(successor, shop, wire)
                assert wait_until(lambda: uses_the_primary(server))
                order = phone.order(jam)
                path = f"orders/{order}"
                await_reads_from_it(phone, path, shop)
                wire.go_away(AWAY)
                assert wait_until(lambda: phone("GET", "products").status == 200, 5)
                assert phone("GET", path).status == onlooker("GET", earlier).status == 200
                assert phone("GET", "orders").body["results"][0]["id"] == order
                wire.go_away(0)
                assert wait_until(lambda: uses_the_primary(server))
