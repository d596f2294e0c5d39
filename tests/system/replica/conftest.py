"""A primary, a replica that streams from it, and servers that read from both."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from time import sleep
from typing import Any

import pytest

from larder.local.postgresql import Cluster
from tests.server import Reply, Server
from tests.system.faults.shop import prepare
from tests.system.replica.standby import catch_up, change
from tools.processes import wait_until
from tools.standby import standby

PASSWORD = "a rather good one"
SETTINGS = {"synchronous_commit": "on", "autovacuum": "off"}
COUNTED_WITHIN = 2.5
"""Seconds after which one process knows what another has counted."""
_numbers = count(1)


@dataclass
class Phone:
    """A logged-in customer who echoes the position of what they wrote last, unless the test says
    not to."""

    server: Server
    token: str
    position: str = ""
    echoes: bool = True
    replies: list[Reply] = field(default_factory=list)

    def __call__(self, method: str, path: str, body: Any = None) -> Reply:
        sent = {"Larder-Position": self.position} if self.echoes and self.position else {}
        answer = self.server.call(method, path, body, token=self.token, headers=sent)
        self.position = answer.headers.get("larder-position", self.position)
        return answer

    def order(self, product: int, quantity: int = 1) -> str:
        """Places one; its id."""
        body = {"lines": [{"product": product, "quantity": quantity}]}
        answer = self("POST", "orders", body)
        assert answer.status == 201, answer.body
        return str(answer.body["id"])


@dataclass
class Shop:
    """A server, its primary and its replica."""

    server: Server
    primary: Cluster
    replica: Cluster

    def phone(self, *, is_staff: bool = False, echoes: bool = True) -> Phone:
        """A new customer."""
        credentials = {"username": f"somebody {next(_numbers)}", "password": PASSWORD}
        registered = self.server.call("POST", "auth/register", credentials)
        assert registered.status == 201, registered.body
        if is_staff:
            made_staff = (
                "UPDATE identity.customer SET is_staff = true, is_superuser = true "
                f"WHERE id = {registered.body['id']}"
            )
            change(self.primary, made_staff)
        return Phone(self.server, self.server.token(**credentials), echoes=echoes)

    def product(self, stock: int = 1_000_000) -> int:
        """A new one."""
        body = {"sku": f"SKU-{next(_numbers)}", "name": "Jam", "price": "2.20", "quantity": stock}
        created = self.phone(is_staff=True)("POST", "products", body)
        assert created.status == 201, created.body
        return int(created.body["id"])

    def reads(self) -> dict[str, int]:
        """The reads that replicas may answer, counted by database, from the server's metrics."""
        sleep(COUNTED_WITHIN)
        lines = self.server.call("GET", "/metrics").body.decode().splitlines()
        counters = [
            line.partition("} ") for line in lines if line.startswith("larder_reads_total{")
        ]
        return {name.split('"')[1]: int(float(value)) for name, _, value in counters}

    def reads_from_it(self) -> bool:
        """Whether the process that answers /readyz does not know the replica to be away."""
        counts = self.server.call("GET", "/readyz").body["replicas"]["replica1"]
        self.server.hang_up()
        return not counts["away"]

    def catch_up(self) -> None:
        """Waits until the replica has everything."""
        catch_up(self.primary, self.replica)


@pytest.fixture(scope="session")
def primary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A PostgreSQL with an empty shop in it, whose commits wait as they do in earnest."""
    folder = tmp_path_factory.mktemp("primary") / "postgresql"
    with Cluster(folder, durable=False, settings=SETTINGS) as cluster:
        prepare(cluster)
        yield cluster


@pytest.fixture(scope="session")
def _replica(primary: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with standby(primary, tmp_path_factory.mktemp("replica") / "postgresql") as cluster:
        yield cluster


@pytest.fixture
def replica(_replica: Cluster) -> Iterator[Cluster]:
    """Its replica, running before and after the test."""
    _replica.start()
    yield _replica
    _replica.start()


def environment(primary: Cluster, *replicas: Cluster) -> dict[str, str]:
    """The settings of a server for its databases."""
    return {
        "DATABASE_URL": primary.app_url(),
        "OWNER_DATABASE_URL": primary.owner_url(),
        "LOG_LEVEL": "WARNING",
        "COMPAT": "1",
        "REPLICA_URLS": ",".join(replica.app_url() for replica in replicas),
    }


@pytest.fixture(scope="session")
def _server(primary: Cluster, _replica: Cluster) -> Iterator[Server]:
    with Server(workers=2, environment=environment(primary, _replica)) as server:
        yield server


@pytest.fixture
def shop(_server: Server, primary: Cluster, replica: Cluster) -> Shop:
    """A server of two processes, which read from the replica."""
    opened = Shop(_server, primary, replica)
    assert wait_until(lambda: all(opened.reads_from_it() for _ in range(6)))
    return opened
