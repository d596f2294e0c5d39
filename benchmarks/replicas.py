"""python -m benchmarks.replicas [--seconds 10] [--phones 16]: who answers what, with a replica.

The same phones order and read, one order to nine readings, each echoing its position: first at a
server that knows of no replica, then at one that reads from one on the same machine.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import secrets
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from statistics import median
from time import monotonic, sleep

from benchmarks import servers
from benchmarks.command import measuring
from benchmarks.installation import Amount, environment_of, fill, make_shop, run
from benchmarks.servers import Size
from benchmarks.sessions import Sessions
from benchmarks.shop import PASSWORD, Shop
from benchmarks.traffic import HOST, PROXIED
from tools.errors import LauncherError
from tools.local_postgres import Cluster
from tools.local_postgres.standby import standby
from tools.terminal import say, step

SIZE = Size(2, 16)
AMOUNT = Amount(orders=2_000)
READINGS = ("products", "products/{product}", "orders/{order}") * 3
COUNTED_WITHIN = 1.5
METRICS_TOKEN = secrets.token_urlsafe(32)


@dataclass
class Phone:
    """A customer with one connection; what took how long (seconds) is kept."""

    port: int
    token: str
    product: int
    position: str = ""
    ordered: list[float] = field(default_factory=list)
    read: list[float] = field(default_factory=list)

    def use(self, seconds: float) -> None:
        """Orders once and reads nine times, for so long."""
        connection, end, order = (
            http.client.HTTPConnection(HOST, self.port),
            monotonic() + seconds,
            "",
        )
        body = json.dumps({"lines": [{"product": self.product, "quantity": 1}]}).encode()
        for path in cycle(("", *READINGS)):
            if monotonic() > end:
                break
            began = monotonic()
            if path:
                self._ask(connection, "GET", path.format(product=self.product, order=order))
                self.read.append(monotonic() - began)
            else:
                order = json.loads(self._ask(connection, "POST", "orders", body))["id"]
                self.ordered.append(monotonic() - began)
        connection.close()

    def _ask(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: bytes = b""
    ) -> bytes:
        sent = PROXIED | {"Authorization": f"Bearer {self.token}"}
        if self.position:
            sent["Larder-Position"] = self.position
        if body:
            sent["Content-Type"] = "application/json"
        connection.request(method, f"/api/v1/{path}", body or None, sent)
        answer = connection.getresponse()
        raw = answer.read()
        if answer.status not in {200, 201}:
            raise LauncherError(f"{method} {path} answered {answer.status}: {raw.decode()}")
        self.position = answer.headers.get("Larder-Position", self.position)
        return raw


def main() -> int:
    """0 when it was measured, 2 when it could not be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replicas", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each, at most 60")
    parser.add_argument("--phones", type=int, default=16, help="at most 64")
    options = parser.parse_args()
    seconds, phones = min(options.seconds, 60.0), min(options.phones, 64)
    with measuring("replicas", None) as folder:
        measure(folder, seconds, phones)
    return 0


def measure(folder: Path, seconds: float, phones: int) -> None:
    """Everything below `folder`; says what came out."""
    folder.chmod(0o711)
    with primary(folder) as (cluster, shop), standby(cluster, folder / "replica") as replica:
        for name, urls in (("no replica", ""), ("a replica", replica.app_url())):
            environment = environment_of(cluster, SIZE) | {"REPLICA_URLS": urls}
            environment |= {"ACCESS_LOG": "0", "METRICS_TOKEN": METRICS_TOKEN}
            log = folder / f"{name}.log"
            with servers.serve(servers.LARDER, SIZE, environment, log) as server:
                tell(name, server.port, shop, seconds, phones)


@contextmanager
def primary(folder: Path) -> Iterator[tuple[Cluster, Shop]]:
    """A durable PostgreSQL with a shop in it."""
    with step("PostgreSQL, shop and replica"), Cluster(folder / "primary", durable=True) as cluster:
        environment = environment_of(cluster, SIZE)
        run([sys.executable, "manage.py", "prepare"], environment)
        shop = make_shop(environment, AMOUNT)
        fill(cluster, shop, AMOUNT.orders)
        yield cluster, shop


def tell(name: str, port: int, shop: Shop, seconds: float, phones: int) -> None:
    """Says what the phones met, and who answered them."""
    tokens = Sessions(port, shop.usernames[:phones], PASSWORD).tokens()
    crowd = [Phone(port, *one) for one in zip(tokens, shop.products, strict=False)]
    with ThreadPoolExecutor(phones) as threads:
        list(threads.map(lambda phone: phone.use(seconds), crowd))
    sleep(COUNTED_WITHIN)
    ordered = [one for phone in crowd for one in phone.ordered]
    read = [one for phone in crowd for one in phone.read]
    say(
        f"{name}: {len(ordered) / seconds:.0f} orders a second, "
        f"p50 {median(ordered) * 1e3:.1f} ms; "
        f"{len(read) / seconds:.0f} readings, p50 {median(read) * 1e3:.1f} ms"
    )
    if by := answered(port):
        shares = ", ".join(f"{who} {times / by.total():.0%}" for who, times in by.most_common())
        say(f"  answered by: {shares}")


def answered(port: int) -> Counter[str]:
    """Readings by who answered, as the server counts them."""
    page = servers.ask(
        port, "GET", "/metrics", PROXIED | {"Authorization": f"Bearer {METRICS_TOKEN}"}
    )
    found = re.findall(r'^larder_reads_total\{by="(\w+)"\} (\S+)', page.body.decode(), re.MULTILINE)
    return Counter({who: int(float(times)) for who, times in found})


if __name__ == "__main__":
    sys.exit(main())
