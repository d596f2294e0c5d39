"""A server on a separate PostgreSQL that a test can stop, and its clients."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from time import monotonic, sleep
from typing import Any

import psycopg

from larder.local.postgresql import Cluster
from tests.database import patient
from tests.server import ROOT, Reply, Server

PASSWORD = "a rather good one"
RECOVERY = 10.0
"""Seconds in which the service has to be back once the database is."""
_FEW = {"export": 1, "token": 3, "register": 3}
"""How many of a kind one process takes at once, together with the others here."""
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
            "export": lambda: call("GET", "orders.csv", token=access),
            "readyz": lambda: call("GET", "/readyz"),
        }

    def ask(self, kind: str) -> Timed:
        """Sends one of `requests`, on a separate connection."""
        began = monotonic()
        try:
            return Timed(self.requests[kind](), monotonic() - began)
        finally:
            self.server.hang_up()

    def ask_at_once(self, kinds: Sequence[str]) -> list[Timed]:
        """All of these requests together."""
        with ThreadPoolExecutor(len(kinds)) as clients:
            return list(clients.map(self.ask, kinds))

    def refused(self, times: int) -> list[Reply]:
        """Sends every kind of request so many times, together; what was not served.

        A file once only, for a process that writes some has no thread for another; and what
        hashes a password no more often than one process takes.
        """
        often = [kind for kind in self.requests if kind not in _FEW] * times
        few = [kind for kind, most in _FEW.items() for _ in range(min(most, times))]
        answers = self.ask_at_once([*often, *few])
        return [answer.reply for answer in answers if answer.reply.status not in {200, 201}]

    def log_in(self) -> bool:
        """A fresh session: an outage may last longer than its tokens."""
        answer = self.ask("token").reply
        if answer.status == 200:
            self.access, self.refresh = answer.body["access"], answer.body["refresh"]
        return answer.status == 200

    def seconds_until_back(self) -> float:
        """How long it takes until all workers serve every kind of request again."""
        refused: list[Reply] = []
        began = monotonic()
        while not self.log_in() or (refused := self.refused(times=4)):
            assert monotonic() - began < RECOVERY, refused
            sleep(0.1)
        return monotonic() - began


def read_feed(poll: Callable[[str], Reply], since: str) -> tuple[list[dict[str, Any]], str]:
    """Read all pages of a feed from `since` on; return the entries, and the next `since`."""
    entries: list[dict[str, Any]] = []
    while True:
        page = poll(since).body
        entries += page["results"]
        since = page["since"]
        if not page["more"]:
            return entries, since


def served_by(cluster: Cluster) -> Server:
    """A server on that cluster's database, not started yet."""
    urls = {"DATABASE_URL": cluster.app_url(), "OWNER_DATABASE_URL": cluster.owner_url()}
    return Server(workers=2, environment=urls)


def prepare(cluster: Cluster) -> None:
    """Makes the tables of a shop and the roles."""
    app, owner = patient(cluster.app_url()), patient(cluster.owner_url())
    urls = {"DATABASE_URL": app, "OWNER_DATABASE_URL": owner}
    command = [sys.executable, str(ROOT / "manage.py"), "prepare"]
    subprocess.run(command, env=os.environ | urls, check=True, stdout=subprocess.DEVNULL)


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
        assert shop.log_in()
        yield shop


def _set_staff(cluster: Cluster, username: str, *, staff: bool) -> None:
    with psycopg.connect(cluster.owner_url()) as owner:
        owner.execute(
            "UPDATE identity.customer SET is_staff = %s, is_superuser = %s WHERE username = %s",
            [staff, staff, username],
        )
