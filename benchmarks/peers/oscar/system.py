"""The adapter of django-oscar with django-oscar-api: a request for each line, one to check out."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import servers
from benchmarks.installation import run
from benchmarks.peers import registry
from benchmarks.peers.flow import Conversation, Flow, Refused, insist
from benchmarks.peers.system import Basket, Buyer, Running, Same, Site
from benchmarks.traffic import HOST, Traffic, request
from tools.ports import free_port

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[2]
SHOP = "benchmarks.peers.oscar.shop"
WORKERS, THREADS = 2, 8
LOG_INS_AT_ONCE = 4
PRODUCTS = "SELECT upc, id FROM catalogue_product"
STOCK = """
SELECT product_id, num_in_stock - coalesce(num_allocated, 0) FROM partner_stockrecord
"""


@dataclass(frozen=True, slots=True)
class OscarBuyer:
    """A customer with a session of the kind that the API has for apps: a header, no cookie."""

    session: str

    def order(self, basket: Basket) -> Flow:
        """Fills the basket line by line and checks out, without an address: it asks for none."""
        mine = ""
        for product, units in basket:
            line = {"url": f"http://{HOST}/api/products/{product}/", "quantity": units}
            reply = yield from insist(self.post("basket/add-product/", line))
            if reply.status == 406:
                raise Refused(reply.body.decode())
            mine = f"http://{HOST}/api/baskets/{reply.expect(200).json['id']}/"
        reply = yield from insist(self.post("checkout/", {"basket": mine}))
        if reply.status == 406:
            raise Refused(reply.body.decode())
        reply.expect(200)

    def post(self, path: str, body: Mapping[str, object], kind: str = "AUTH") -> bytes:
        """A request in this customer's session."""
        raw = json.dumps(body).encode()
        return request("POST", f"/api/{path}", self.headers(kind), raw)

    def headers(self, kind: str = "AUTH") -> dict[str, str]:
        """ANON until the log-in, AUTH afterwards."""
        return {"Session-Id": f"SID:{kind}:{HOST}:{self.session}"}


@dataclass(frozen=True, slots=True)
class RunningOscar:
    """One server; Oscar needs no other service."""

    site: Site
    port: int
    processes: Mapping[str, int]
    products: Mapping[str, int]
    all_buyers: Sequence[OscarBuyer]

    def page(self) -> Traffic:
        """Names of 20 products: price and stock are a request each for each product."""
        return Same([request("GET", "/api/products/", one.headers()) for one in self.all_buyers])

    def buyers(self) -> Sequence[Buyer]:
        """Returns all buyers."""
        return self.all_buyers

    def stock(self) -> Mapping[int, int]:
        """In stock and not allocated to an order: what its API calls available."""
        return self.site.amounts(STOCK)

    def settle(self) -> None:
        """It does everything before it answers."""

    def faults(self) -> list[str]:
        """Returns none: the system has no such check."""
        return []


class Oscar:
    """django-oscar in a separate environment, served by granian as Larder is."""

    name = "django-oscar"
    page_requests = 41

    @property
    def versions(self) -> str:
        """What it runs on."""
        wanted = ("django-oscar", "django-oscar-api", "Django", "granian")
        pins = dict(line.split("==") for line in (HERE / "requirements.txt").read_text().split())
        return ", ".join(f"{name} {pins[name]}" for name in wanted)

    def install(self, cache: Path) -> None:
        """With pip."""
        registry.install_python(cache / "oscar", HERE / "requirements.txt")

    @contextmanager
    def start(self, site: Site) -> Iterator[Running]:
        """Makes the tables, fills them, serves, logs all buyers in."""
        python = str(site.cache / "oscar" / "venv" / "bin" / "python")
        environment = (
            registry.environment()
            | site.database_environment()
            | {
                "DJANGO_SETTINGS_MODULE": f"{SHOP}.settings",
                "SECRET_KEY": secrets.token_urlsafe(64),
                "PYTHONPATH": str(CHECKOUT),
                "PYTHONWARNINGS": "ignore",
            }
        )
        site.make_database()
        run([python, "-m", "django", "migrate", "--skip-checks", "--verbosity", "0"], environment)
        catalogue = site.catalogue.write(site.folder / "catalogue.json")
        run([python, "-m", f"{SHOP}.fill", str(catalogue)], environment)
        port = free_port()
        command = [python, "-m", "granian", f"{SHOP}.wsgi:application", *granian(port)]
        with servers.running(command, port, environment, site.folder / "server.log") as server:
            yield RunningOscar(
                site=site,
                port=port,
                processes={"server": server.pid},
                products=site.ids(PRODUCTS),
                all_buyers=log_in(port, site.catalogue.buyers, site.catalogue.password),
            )


def granian(port: int) -> list[str]:
    """The options that Larder's server has, but for the number of threads."""
    return [
        *("--interface", "wsgi", "--http", "1", "--no-ws", "--host", HOST, "--port", str(port)),
        *("--workers", str(WORKERS), "--blocking-threads", str(THREADS)),
    ]


def log_in(port: int, usernames: Sequence[str], password: str) -> list[OscarBuyer]:
    """A session for each. Raises BadReply."""

    def one(username: str) -> OscarBuyer:
        buyer = OscarBuyer(secrets.token_hex(16))
        with Conversation(port) as conversation:
            credentials = {"username": username, "password": password}
            conversation.ask(buyer.post("login/", credentials, "ANON")).expect(200)
        return buyer

    with ThreadPoolExecutor(LOG_INS_AT_ONCE) as threads:
        return list(threads.map(one, usernames))
