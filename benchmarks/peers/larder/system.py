"""The adapter of Larder: one request an order, lists with price and stock."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import servers
from benchmarks.books import check_invariants
from benchmarks.installation import environment_of, run
from benchmarks.loads import LIST
from benchmarks.machine import describe
from benchmarks.peers.flow import Flow, Refused
from benchmarks.peers.system import Basket, Buyer, Running, Site
from benchmarks.servers import Size
from benchmarks.sessions import Sessions
from benchmarks.traffic import Page, Traffic, request
from tools.kept import Kept
from tools.run.settings import from_environment
from tools.run.supervisor import WORKER_COMMAND

PRODUCTS = "SELECT sku, id FROM catalog.product"
STOCK = "SELECT product_id, available FROM inventory.stock"


@dataclass(frozen=True, slots=True)
class LarderBuyer:
    """A customer with an access token."""

    token: str

    def order(self, basket: Basket) -> Flow:
        """All lines in one request."""
        lines = [{"product": product, "quantity": units} for product, units in basket]
        headers = {"Authorization": f"Bearer {self.token}"}
        body = json.dumps({"lines": lines}).encode()
        reply = yield request("POST", "/api/v1/orders", headers, body)
        if reply.status == 409 and reply.json["code"] == "insufficient_stock":
            raise Refused(reply.json["detail"])
        reply.expect(201)


@dataclass(frozen=True, slots=True)
class RunningLarder:
    """Server and job worker."""

    site: Site
    environment: dict[str, str]
    port: int
    processes: Mapping[str, int]
    products: Mapping[str, int]
    sessions: Sessions

    def page(self) -> Traffic:
        """The list's first page, for each customer in turn."""
        return Page(LIST, self.sessions.tokens())

    def buyers(self) -> Sequence[Buyer]:
        """Returns all buyers, with tokens for the next two minutes."""
        return [LarderBuyer(token) for token in self.sessions.tokens()]

    def stock(self) -> Mapping[int, int]:
        """What can be ordered."""
        return self.site.amounts(STOCK)

    def settle(self) -> None:
        """What its worker does for an order without listeners is soon done."""

    def faults(self) -> list[str]:
        """What `check_invariants` finds."""
        found = check_invariants(self.environment)
        return [found] if found else []


class Larder:
    """This checkout."""

    name = "Larder"
    page_requests = 1

    @property
    def versions(self) -> str:
        """What it runs on."""
        return f"this checkout, Python {sys.version.split()[0]}, {describe(Path()).packages}"

    def install(self, cache: Path) -> None:
        """It is here already."""

    @contextmanager
    def start(self, site: Site) -> Iterator[Running]:
        """As in production, in the database that its roles are made for."""
        settings = from_environment(os.environ)
        size = Size(settings.workers, settings.threads)
        environment = environment_of(site.cluster, size)
        run([sys.executable, "manage.py", "prepare"], environment)
        catalogue = site.catalogue.write(site.folder / "catalogue.json")
        run([sys.executable, "-m", "benchmarks.peers.larder.fill", str(catalogue)], environment)
        log = (site.folder / "worker.log").open("wb")
        with (
            servers.serve(servers.LARDER, size, environment, site.folder / "server.log") as server,
            log,
            Kept(WORKER_COMMAND, environment=environment, output=log) as worker,
        ):
            sessions = Sessions(server.port, site.catalogue.buyers, site.catalogue.password)
            yield RunningLarder(
                site=site,
                environment=environment,
                port=server.port,
                processes={"server": server.pid, "worker": worker.pid},
                products=site.ids(PRODUCTS),
                sessions=sessions,
            )
