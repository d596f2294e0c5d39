"""A read-only database: the answers to clients, and the recovery without an operator."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from larder.core.ids import new_id
from larder.local.postgresql import Cluster
from larder.worker.relay import connection_string
from tests.server import Reply, Server
from tests.system.faults.contracts import CONTRACTS, Send, make_key
from tests.system.faults.proxied_shop import ProxiedShop, open_proxied
from tests.system.faults.shop import RECOVERY
from tests.system.replica.standby import ask, catch_up, change
from tools.bouncer import bouncer, program
from tools.processes import wait_until
from tools.standby import standby
from tools.wire import Wire

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def shop(prepared_cluster: Cluster) -> Iterator[ProxiedShop]:
    prepared_cluster.start()
    with open_proxied(prepared_cluster) as opened:
        yield opened


@contextmanager
def fenced(cluster: Cluster) -> Iterator[None]:
    """Writes are refused in every session, those that are open among them."""
    change(cluster, "ALTER SYSTEM SET default_transaction_read_only = on")
    change(cluster, "SELECT pg_reload_conf()")
    assert wait_until(lambda: ask(cluster, "SHOW default_transaction_read_only") == "on")
    try:
        yield
    finally:
        change(cluster, "ALTER SYSTEM RESET default_transaction_read_only")
        change(cluster, "SELECT pg_reload_conf()")


def assert_unavailable(reply: Reply) -> None:
    assert (reply.status, reply.body["code"]) == (503, "database_unavailable"), reply.body
    assert "retry-after" in reply.headers


def order(shop: ProxiedShop) -> Reply:
    """Places an order on a separate connection."""
    try:
        return shop.order()
    finally:
        shop.server.hang_up()


def assert_back(shop: ProxiedShop) -> None:
    """Writes are accepted again in time."""
    shop.wait_until_back(RECOVERY)
    assert shop.order().status == 201
    assert shop.call("PUT", f"cart/lines/{shop.product}", {"quantity": 2}).status == 200


def refused(shop: ProxiedShop) -> list[Reply]:
    """Writes by several ways: a batch, Django's statements, an earlier contract."""
    line = {"products": [{"id": shop.product, "quantity": 1}]}
    return [
        shop.order(),
        shop.call("PUT", f"cart/lines/{shop.product}", {"quantity": 1}),
        shop.call("POST", "me/addresses", {"label": "Home"}),
        shop.call("POST", f"/api/orders/{new_id()}/", line),
        shop.order(),
    ]


def test_a_read_only_database_is_503_and_not_ready_and_recovers_by_itself(
    shop: ProxiedShop,
) -> None:
    with fenced(shop.cluster):
        assert_unavailable(shop.order())
        assert shop.server.call("GET", "/readyz").status == 503
        assert shop.server.call("GET", "/livez").status == 200
        for reply in refused(shop):
            assert reply.status == 503, reply.body
    assert_back(shop)


WRITES: dict[str, Callable[[ProxiedShop], Send]] = {
    "0": make_key,
    **{number: contract.prepare for number, contract in CONTRACTS.items()},
    "v1": lambda shop: shop.order,
}


@pytest.mark.parametrize("api", WRITES)
def test_a_write_of_each_api_is_answered_503_with_retry_after(shop: ProxiedShop, api: str) -> None:
    send = WRITES[api](shop)
    with fenced(shop.cluster):
        assert_unavailable(send())
    assert_back(shop)


def test_the_host_that_accepts_writes_is_used(shop: ProxiedShop, tmp_path: Path) -> None:
    with standby(shop.cluster, tmp_path / "standby") as other:
        catch_up(shop.cluster, other)
        urls = (other.app_url(), shop.cluster.app_url())
        first, second = map(conninfo_to_dict, urls)
        hosts = {name: f"{first[name]},{second[name]}" for name in ("host", "port")}
        both: dict[str, Any] = second | hosts
        settings = {
            "DATABASE_URL": make_conninfo(**both),
            "OWNER_DATABASE_URL": shop.cluster.owner_url(),
        }
        with Server(workers=1, environment=settings) as server:
            body = {"lines": [{"product": shop.product, "quantity": 1}]}
            assert server.call("POST", "orders", body, token=shop.token).status == 201
            assert server.call("GET", "/readyz").status == 200


def test_a_standby_at_the_address_of_the_primary_is_used_after_its_promotion(
    shop: ProxiedShop, tmp_path: Path
) -> None:
    """As a fail-over looks to the servers: the address leads elsewhere."""
    with standby(shop.cluster, tmp_path / "standby") as other:
        catch_up(shop.cluster, other)
        try:
            shop.wire.lead_to(other.app_url())
            shop.wire.cut()
            assert_unavailable(shop.order())
            assert shop.server.call("GET", "/readyz").status == 503
            assert ask(other, "SELECT pg_promote()") == "True"
            assert_back(shop)
            assert ask(other, "SELECT count(*) FROM orders.order WHERE status = 'placed'") != "0"
        finally:
            shop.wire.lead_to(shop.cluster.app_url())
            shop.wire.cut()


@pytest.mark.skipif(program() is None, reason="pgbouncer is not installed")
def test_pgbouncer_sessions_to_a_former_primary_are_replaced_by_themselves(
    prepared_cluster: Cluster, tmp_path: Path
) -> None:
    prepared_cluster.start()
    with (
        Wire(prepared_cluster.app_url()) as wire,
        bouncer(wire.url) as url,
        open_proxied(prepared_cluster, DATABASE_URL=url, PGBOUNCER="1") as shop,
        standby(shop.cluster, tmp_path / "standby") as other,
    ):
        with ThreadPoolExecutor(8) as clients:
            assert {answer.status for answer in clients.map(lambda _: order(shop), range(40))} == {
                201
            }
        catch_up(shop.cluster, other)
        with fenced(shop.cluster):
            assert_unavailable(shop.order())
            assert ask(other, "SELECT pg_promote()") == "True"
            # New sessions lead to the new primary; those that are open stay.
            wire.lead_to(other.app_url())
            assert_back(shop)


def test_the_worker_connects_only_to_a_database_that_accepts_writes(
    shop: ProxiedShop, settings: Any
) -> None:
    settings.WORKER_DATABASE_URL = shop.cluster.app_url()
    with psycopg.connect(connection_string()) as accepted:
        assert accepted.execute("SELECT 1").fetchone() == (1,)
    with fenced(shop.cluster), pytest.raises(psycopg.OperationalError, match="read-only"):
        psycopg.connect(connection_string())
