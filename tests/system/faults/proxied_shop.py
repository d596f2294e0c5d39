"""A shop whose connections to PostgreSQL go through a proxy that a test controls."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any

import psycopg

from larder.local.postgresql import Cluster
from tests.server import Reply, Server
from tests.system.faults.shop import PASSWORD
from tools.wire import Wire


@dataclass
class ProxiedShop:
    """A server whose connections go through the wire, a customer, a superuser and a product.

    `staff` is the superuser's name; `token` and `staff_token` are access tokens.
    """

    server: Server
    wire: Wire
    cluster: Cluster
    token: str
    staff: str
    staff_token: str
    product: int

    def order(self, headers: dict[str, str] | None = None, **more: Any) -> Reply:
        """Places an order of one unit."""
        body = {"lines": [{"product": self.product, "quantity": 1}], **more}
        return self.call("POST", "orders", body, headers=headers)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        """One request of the customer's."""
        return self.server.call(method, path, body, token=self.token, headers=headers)

    def count(self, sql: str = "SELECT count(*) FROM orders.order WHERE status = 'placed'") -> int:
        """How many there are, asked past the wire."""
        with psycopg.connect(self.cluster.owner_url()) as owner:
            return int((owner.execute(sql.encode()).fetchone() or [0])[0])

    def wait_until_back(self, seconds: float = 20.0) -> float:
        """Waits until the server is ready, for so long at most; returns how long that took."""
        began = monotonic()
        while self.server.call("GET", "/readyz").status != 200:
            assert monotonic() - began < seconds
            sleep(0.1)
        return monotonic() - began


@contextmanager
def open_proxied(cluster: Cluster, **environment: str) -> Iterator[ProxiedShop]:
    """Starts a server with one worker and makes what a shop needs."""
    with Wire(cluster.app_url()) as wire:
        settings = {
            "DATABASE_URL": wire.url,
            "OWNER_DATABASE_URL": cluster.owner_url(),
            "COMPAT": "0,1,2,3,4",
            **environment,
        }
        with Server(workers=1, environment=settings) as server:
            yield _open(server, wire, cluster)


def _open(server: Server, wire: Wire, cluster: Cluster) -> ProxiedShop:
    customer, staff = (f"{name} {secrets.token_hex(4)}" for name in ("customer", "staff"))
    for name in (customer, staff):
        account = {"username": name, "password": PASSWORD}
        assert server.call("POST", "auth/register", account).status == 201
    with psycopg.connect(cluster.owner_url()) as owner:
        owner.execute(
            "UPDATE identity.customer SET is_staff = true, is_superuser = true WHERE username = %s",
            [staff],
        )
    token, staff_token = server.token(customer, PASSWORD), server.token(staff, PASSWORD)
    jam = {"sku": secrets.token_hex(4), "name": "Jam", "price": "2.20", "quantity": 1_000_000}
    product = server.call("POST", "products", jam, token=staff_token).body["id"]
    return ProxiedShop(server, wire, cluster, token, staff, staff_token, product)


def assert_unknown(reply: Reply, *, repeatable: bool) -> None:
    """Fails unless the reply says that the outcome is unknown, and whether to repeat."""
    status = 503 if repeatable else 500
    assert (reply.status, reply.body["code"]) == (status, "outcome_unknown"), reply.body
    assert reply.body["status"] == status
    assert ("retry-after" in reply.headers) is repeatable
