"""PgBouncer loses its connections to PostgreSQL: clients get 503 and never 500."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from time import sleep

import pytest

from larder.local.postgresql import Cluster
from tests.server import Reply
from tests.system.faults.proxied_shop import ProxiedShop, open_proxied
from tests.system.replica.standby import change
from tools.bouncer import bouncer, program

pytestmark = [
    pytest.mark.skipif(program() is None, reason="pgbouncer is not installed"),
    pytest.mark.timeout(120),
]
END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'larder_app'"
REQUESTS = 280
CLIENTS = 8


@pytest.fixture(scope="module")
def shop(prepared_cluster: Cluster) -> Iterator[ProxiedShop]:
    prepared_cluster.start()
    with (
        bouncer(prepared_cluster.app_url()) as url,
        open_proxied(prepared_cluster, DATABASE_URL=url, PGBOUNCER="1") as opened,
    ):
        yield opened


def requests(shop: ProxiedShop) -> list[Callable[[], Reply]]:
    line = f"cart/lines/{shop.product}"
    return [
        lambda: shop.call("GET", "me"),
        lambda: shop.call("PUT", line, {"quantity": 2}),
        lambda: shop.call("GET", f"products/{shop.product}"),
        shop.order,
        lambda: shop.call("GET", "orders"),
        lambda: shop.call("DELETE", line),
        lambda: shop.call("GET", "orders.csv"),
    ]


def meaning(reply: Reply) -> str:
    """Served, or the code of the problem; what an unknown outcome says is tested elsewhere."""
    if reply.status < 300:
        return "served"
    return "refused" if reply.status < 500 else str(reply.body["code"])


def test_sessions_that_end_behind_pgbouncer_are_lost_connections(shop: ProxiedShop) -> None:
    def ask(ask_shop: Callable[[], Reply]) -> str:
        try:
            return meaning(ask_shop())
        finally:
            shop.server.hang_up()

    asked = list(islice(cycle(requests(shop)), REQUESTS))
    with ThreadPoolExecutor(CLIENTS) as clients:
        answers = [clients.submit(ask, item) for item in asked]
        while not all(answer.done() for answer in answers):
            change(shop.cluster, END_ALL)
            sleep(0.02)
    heard = Counter(answer.result() for answer in answers)
    assert heard.keys() <= {
        *("served", "refused", "database_unavailable", "outcome_unknown", "overloaded")
    }, heard
    assert heard["database_unavailable"] > 0
    shop.wait_until_back()
    assert shop.order().status == 201
