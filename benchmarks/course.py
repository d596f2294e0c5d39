"""The measurements, in an order that puts each beside its limit, several rounds of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks import generator, pgbench, servers
from benchmarks.generator import Load
from benchmarks.installation import BARE_LIST, LIST, Installation
from benchmarks.measurement import Measurement, Meter
from benchmarks.pgbench import Writes
from benchmarks.servers import Server
from benchmarks.shop import PASSWORD
from benchmarks.traffic import LogIns, Orders, Page, Traffic
from tools.terminal import say

READERS, WRITERS, LOG_INS = 16, 32, 4
PGBENCH_CLIENTS = 16
"""As many connections as the server's pools hold together; more make pgbench no faster."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How many rounds, and seconds of warm-up and of measuring each time."""

    rounds: int
    warm_up: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Step:
    """One kind of load: its short name, what it is, and how it is measured.

    `measure` takes a number that is another each time.
    """

    name: str
    title: str
    measure: Callable[[int], Measurement]


ORDER = (
    *("R", "bare Django", "bare Django", "R", "bare WSGI", "R304"),
    *("W", "pgbench W", "pgbench W", "W", "H", "pgbench H", "WK", "pgbench 20", "L"),
)
"""One round. Each load stands beside its limit; those that a floor hangs on come twice, once in
front and once behind, so that a machine that slows down or speeds up favours neither."""

FIRST = ("R", "bare Django")
"""Run once before anything counts: their first seconds go to connections and caches."""

Results = dict[str, list[Measurement]]
"""The rounds' measurements, by the name of the step."""


class Course:
    """What is measured on one installation."""

    def __init__(self, installation: Installation, pace: Pace) -> None:
        self._on = installation
        self._pace = pace
        self.steps: Sequence[Step] = (
            Step("R", "list page of 20, token", lambda _: self._api(self._page(), READERS)),
            Step("bare Django", "the same queries and bytes, nothing else", self._bare_django),
            Step("bare WSGI", "the same bytes, nothing else", self._bare_wsgi),
            Step("R304", "list page, If-None-Match", lambda _: self._api(self._known(), READERS)),
            Step("W", "order of 3 random products", lambda n: self._orders(f"W{n}")),
            Step("pgbench W", "the same writes, no application", lambda _: self._pgbench()),
            Step("H", "one product in every order", lambda n: self._orders(f"H{n}", hot=True)),
            Step("pgbench H", "the same writes", lambda _: self._pgbench(hot=True)),
            Step("WK", "W with Idempotency-Key", lambda n: self._orders(f"K{n}", keyed=True)),
            Step("pgbench 20", "20 orders a transaction", lambda _: self._groups()),
            Step("L", "log-in", lambda _: self._api(self._log_ins(), LOG_INS)),
        )

    def run(self) -> Results:
        """All rounds; a line on the terminal for each measurement that counts."""
        results: Results = {step.name: [] for step in self.steps}
        steps = {step.name: step for step in self.steps}
        for name in FIRST:
            steps[name].measure(0)
        for number, name in enumerate(ORDER * self._pace.rounds):
            one = steps[name].measure(number)
            results[name].append(one)
            told = f"  {number // len(ORDER) + 1}/{self._pace.rounds} {name:<12}{one.rate:>9.0f}/s"
            say(f"{told}  {one.failure[:300]}" if one.failure else told)
        return results

    def _load(self, server: Server, traffic: Traffic, connections: int) -> Measurement:
        meter = Meter(self._postmaster, server.pid)
        pace = self._pace
        load = Load(server.port, traffic, connections, pace.warm_up, pace.seconds)
        return generator.measure(load, meter)

    def _api(self, traffic: Traffic, connections: int) -> Measurement:
        return self._load(self._on.larder, traffic, connections)

    def _bare_django(self, _round: int) -> Measurement:
        return self._load(self._on.bare_django, Page(BARE_LIST), READERS)

    def _bare_wsgi(self, _round: int) -> Measurement:
        return self._load(self._on.bare_wsgi, Page("/"), READERS)

    def _page(self) -> Page:
        return Page(LIST, self._on.sessions.tokens())

    def _known(self) -> Page:
        tokens = self._on.sessions.tokens()
        etag = servers.get(self._on.larder.port, LIST, tokens[0]).etag
        return Page(LIST, tokens, etag, status=304)

    def _orders(self, seed: str, *, hot: bool = False, keyed: bool = False) -> Measurement:
        products = self._on.shop.products
        tokens = self._on.sessions.tokens()
        orders = Orders(tokens, products, seed, products[0] if hot else None, keyed)
        return self._api(orders, WRITERS)

    def _log_ins(self) -> LogIns:
        return LogIns(self._on.shop.usernames, PASSWORD)

    def _pgbench(self, *, hot: bool = False) -> Measurement:
        return pgbench.measure(self._writes("order.sql", hot=hot), Meter(self._postmaster))

    def _groups(self) -> Measurement:
        return pgbench.measure(self._writes("group.sql", orders=20), Meter(self._postmaster))

    def _writes(self, script: str, *, hot: bool = False, orders: int = 1) -> Writes:
        pace, url = self._pace, self._on.cluster.app_url()
        return Writes(
            *(script, url, self._on.stock, PGBENCH_CLIENTS, pace.warm_up, pace.seconds),
            hot=hot,
            orders=orders,
        )

    @property
    def _postmaster(self) -> int:
        pid = self._on.cluster.pid
        if pid is None:
            raise RuntimeError("PostgreSQL has ended.")
        return pid


ORDERING = ("W", "H", "WK")
PGBENCH = {"pgbench W", "pgbench H", "pgbench 20"}


def measured(results: Results, names: Sequence[str] | set[str]) -> list[Measurement]:
    """All measurements of some steps."""
    return [one for name in names for one in results[name]]
