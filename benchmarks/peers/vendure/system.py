"""The adapter of Vendure: the shop API's mutations from the first line to the payment."""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import servers
from benchmarks.generator import BadReply
from benchmarks.installation import run
from benchmarks.peers import registry
from benchmarks.peers.flow import Conversation, Flow, Refused, Reply, insist
from benchmarks.peers.system import Basket, Buyer, Running, Same, Site
from benchmarks.traffic import Traffic, request
from tools.errors import LauncherError
from tools.kept import Kept
from tools.ports import free_port

HERE = Path(__file__).parent
PROCESSES, POOL = 2, 20
LOG_INS_AT_ONCE = 4
SETTLED_SECONDS = 120.0
UNTIL = "2026-09-15"
"""The registry as it was on this day: what package.json's packages need is pinned by it."""

PRODUCTS = "SELECT sku, id FROM product_variant"
STOCK = """
SELECT "productVariantId", sum("stockOnHand" - "stockAllocated")::int FROM stock_level GROUP BY 1
"""
OPEN_JOBS = """
SELECT count(*)::int, 0 FROM job_record WHERE state IN ('PENDING', 'RUNNING', 'RETRYING')
"""

LIST = """{ search(input: {take: 20, groupByProduct: false}) { items {
  productVariantId productName sku inStock currencyCode price { ... on SinglePrice { value } }
} } }"""
TOO_LITTLE = ("INSUFFICIENT_STOCK_ERROR", "insufficient stock")
"""What a refusal says: of a line by its code, of the step to the payment by its sentence."""
FAULT = "__typename ... on ErrorResult { errorCode message }"
LOG_IN = f"mutation($name: String!, $password: String!) {{ \
step: login(username: $name, password: $password) {{ {FAULT} }} }}"
ADD = f"mutation($lines: [AddItemInput!]!) {{ \
step: addItemsToOrder(inputs: $lines) {{ order {{ id }} errorResults {{ {FAULT} }} }} }}"
ADDRESS = f"""mutation {{ step: setOrderShippingAddress(input: {{
  fullName: "A Buyer", streetLine1: "1 Road", city: "London", postalCode: "E1 6AN",
  countryCode: "GB" }}) {{ {FAULT} }} }}"""
SHIPPING = f'mutation {{ step: setOrderShippingMethod(shippingMethodId: ["1"]) {{ {FAULT} }} }}'
TO_PAYMENT = f'mutation {{ step: transitionOrderToState(state: "ArrangingPayment") {{ \
{FAULT} ... on OrderStateTransitionError {{ transitionError }} }} }}'
PAYMENT = f'mutation {{ step: addPaymentToOrder(input: {{method: "on-account", metadata: {{}}}}) \
{{ {FAULT} ... on Order {{ code state }} }} }}'


@dataclass(frozen=True, slots=True)
class VendureBuyer:
    """A customer with a session token."""

    token: str

    def order(self, basket: Basket) -> Flow:
        """Five mutations. An app that does not know the shipping methods asks for them before."""
        lines = [{"productVariantId": str(id), "quantity": units} for id, units in basket]
        step((yield from insist(self.post(ADD, {"lines": lines}))))
        for mutation in (ADDRESS, SHIPPING, TO_PAYMENT):
            step((yield from insist(self.post(mutation))))
        placed = step((yield from insist(self.post(PAYMENT))))
        if placed["state"] != "PaymentSettled":
            raise BadReply(str(placed))

    def post(self, query: str, variables: Mapping[str, object] | None = None) -> bytes:
        """A GraphQL request in this customer's session."""
        body = json.dumps({"query": query, "variables": variables or {}}).encode()
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return request("POST", "/shop-api", headers, body)


def step(reply: Reply) -> dict[str, Any]:
    """A mutation's result. Raises Refused where there is too little stock, BadReply otherwise."""
    answer = reply.expect(200).json
    if "errors" in answer:
        raise BadReply(str(answer["errors"])[:500])
    result: dict[str, Any] = answer["data"]["step"]
    for fault in result.get("errorResults") or [result]:
        if "errorCode" in fault:
            said = f"{fault['errorCode']}: {fault.get('transitionError') or fault['message']}"
            raise (Refused if any(sign in said for sign in TOO_LITTLE) else BadReply)(said)
    return result


@dataclass(frozen=True, slots=True)
class RunningVendure:
    """Two server processes behind one port, and the worker."""

    site: Site
    port: int
    processes: Mapping[str, int]
    products: Mapping[str, int]
    all_buyers: Sequence[VendureBuyer]

    def page(self) -> Traffic:
        """The search index's first page: price, and whether there is stock."""
        return Same([one.post(LIST) for one in self.all_buyers])

    def buyers(self) -> Sequence[Buyer]:
        """Returns all buyers."""
        return self.all_buyers

    def stock(self) -> Mapping[int, int]:
        """On hand and not allocated to an order, as the tables have it."""
        return self.site.amounts(STOCK)

    def settle(self) -> None:
        """Its worker brings the search index up to date."""
        finish_jobs(self.site)

    def faults(self) -> list[str]:
        """Returns none: the system has no such check."""
        return []


class Vendure:
    """@vendure/core with its plugins for jobs, search and schedule in PostgreSQL."""

    name = "Vendure"
    page_requests = 1

    @property
    def versions(self) -> str:
        """What it runs on."""
        pins = json.loads((HERE / "package.json").read_text())["dependencies"]
        node = run([program("node"), "--version"], registry.environment()).strip()
        return ", ".join([*(f"{name} {version}" for name, version in pins.items()), f"Node {node}"])

    def install(self, cache: Path) -> None:
        """With npm."""
        program("node")
        command = [program("npm"), "install", f"--before={UNTIL}", "--omit=dev", "--no-audit"]
        command += ["--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel=error"]
        registry.install(cache / "vendure", HERE / "package.json", [command])

    @contextmanager
    def start(self, site: Site) -> Iterator[Running]:
        """Makes the tables, fills them, serves, waits for the search index, logs all buyers in."""
        node, folder, port = program("node"), site.folder, free_port()
        environment = (
            registry.environment()
            | site.database_environment()
            | {
                "NODE_ENV": "production",
                "NODE_PATH": str(site.cache / "vendure" / "node_modules"),
                "TZ": "UTC",
                "VENDURE_DISABLE_TELEMETRY": "true",
                "PORT": str(port),
                "PROCESSES": str(PROCESSES),
                "POOL": str(POOL),
                "ADMIN_PASSWORD": secrets.token_urlsafe(16),
            }
        )
        site.make_database()
        catalogue = site.catalogue.write(folder / "catalogue.json")
        filling = environment | {"MAKE_TABLES": "1"}
        run([node, str(HERE / "fill.js"), str(catalogue)], filling)
        log = (folder / "worker.log").open("wb")
        server = servers.running([node, str(HERE / "server.js")], port, environment, folder / "log")
        with (
            log,
            Kept([node, HERE / "worker.js"], environment=environment, output=log) as worker,
            server as serving,
        ):
            finish_jobs(site)
            yield RunningVendure(
                site=site,
                port=port,
                processes={"server": serving.pid, "worker": worker.pid},
                products=site.ids(PRODUCTS),
                all_buyers=log_in(port, site.catalogue.buyers, site.catalogue.password),
            )


def program(name: str) -> str:
    """Its path. Raises LauncherError."""
    found = shutil.which(name)
    if found is None:
        raise LauncherError(f"{name} is not installed here (Node.js 20 or newer).")
    return found


def finish_jobs(site: Site) -> None:
    """Waits until the worker has nothing left to do. Raises LauncherError."""
    deadline = time.monotonic() + SETTLED_SECONDS
    while any(site.amounts(OPEN_JOBS)):
        if time.monotonic() > deadline:
            raise LauncherError("Vendure's worker does not come to the end of its jobs.")
        time.sleep(0.5)


def log_in(port: int, usernames: Sequence[str], password: str) -> list[VendureBuyer]:
    """A session for each. Raises BadReply."""

    def one(username: str) -> VendureBuyer:
        with Conversation(port) as conversation:
            credentials = {"name": username, "password": password}
            reply = conversation.ask(VendureBuyer("").post(LOG_IN, credentials))
        step(reply)
        return VendureBuyer(reply.header("vendure-auth-token"))

    with ThreadPoolExecutor(LOG_INS_AT_ONCE) as threads:
        return list(threads.map(one, usernames))
