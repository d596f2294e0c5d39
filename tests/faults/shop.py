"""A shop on a PostgreSQL of its own, which a test may take away, as its clients see it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from time import monotonic, sleep

import psycopg

from tests.server import Reply, Server
from tools.local_postgres import Cluster

PASSWORD = "a rather good one"
RECOVERY = 10.0
"""Seconds in which the service has to be back once the database is."""
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Timed:
    """A reply and the seconds it took."""

    reply: Reply
    seconds: float


@dataclass
class Shop:
    """A running server, a customer's tokens, and one product with plenty of stock."""

    server: Server
    username: str
    access: str
    refresh: str
    product: int

    @property
    def requests(self) -> dict[str, Callable[[], Reply]]:
        """One request of every kind that needs the database, by name."""
        call, access = self.server.call, self.access
        credentials = {"username": self.username, "password": PASSWORD}
        order = {"lines": [{"product": self.product, "quantity": 1}]}
        return {
            "token": lambda: call("POST", "auth/token", credentials),
            "refresh": lambda: call("POST", "auth/token/refresh", {"refresh": self.refresh}),
            "register": lambda: call(
                "POST", "auth/register", {**credentials, "username": f"new {next(_numbers)}"}
            ),
            "me": lambda: call("GET", "me", token=access),
            "list": lambda: call("GET", "products", token=access),
            "detail": lambda: call("GET", f"products/{self.product}", token=access),
            "stock": lambda: call("GET", f"stock?products={self.product}", token=access),
            "order": lambda: call("POST", "orders", order, token=access),
            "history": lambda: call("GET", "orders", token=access),
            "readyz": lambda: call("GET", "/readyz"),
        }

    def ask(self, kind: str) -> Timed:
        """Sends one of `requests`, on a connection of its own."""
        began = monotonic()
        try:
            return Timed(self.requests[kind](), monotonic() - began)
        finally:
            self.server.hang_up()

    def log_in(self) -> None:
        """A fresh session: an outage may last longer than its tokens."""
        credentials = {"username": self.username, "password": PASSWORD}
        answer = self.server.call("POST", "auth/token", credentials).body
        self.access, self.refresh = answer["access"], answer["refresh"]

    def seconds_until_back(self) -> float:
        """How long it takes until every kind of request is served again."""
        began = monotonic()
        while self.ask("token").reply.status != 200:
            assert monotonic() - began < RECOVERY, "log-in does not come back"
            sleep(0.1)
        self.log_in()
        while refused := {
            kind: reply.body
            for kind in self.requests
            if (reply := self.ask(kind).reply).status not in {200, 201}
        }:
            assert monotonic() - began < RECOVERY, refused
            sleep(0.1)
        return monotonic() - began


def served_by(cluster: Cluster) -> Server:
    """A server on that cluster's database, not started yet."""
    urls = {"DATABASE_URL": cluster.app_url(), "OWNER_DATABASE_URL": cluster.owner_url()}
    return Server(workers=2, environment=urls)


@contextmanager
def open_shop(cluster: Cluster) -> Iterator[Shop]:
    """Starts a server and makes, through its API, what a shop needs."""
    with served_by(cluster) as server:
        name, sku = f"customer {next(_numbers)}", f"SKU-{next(_numbers)}"
        credentials = {"username": name, "password": PASSWORD}
        assert server.call("POST", "auth/register", credentials).status == 201
        _set_staff(cluster, name, staff=True)
        access = server.token(name, PASSWORD)
        jam = {"sku": sku, "name": "Jam", "price": "2.20", "quantity": 1_000_000}
        product = server.call("POST", "products", jam, token=access).body["id"]
        _set_staff(cluster, name, staff=False)
        shop = Shop(server, name, "", "", product)
        shop.log_in()
        yield shop


def _set_staff(cluster: Cluster, username: str, *, staff: bool) -> None:
    with psycopg.connect(cluster.owner_url()) as owner:
        owner.execute(
            "UPDATE identity.customer SET is_staff = %s WHERE username = %s", [staff, username]
        )
