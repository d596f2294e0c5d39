"""What is measured of each system, in an order that puts them beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks import generator, processes
from benchmarks.generator import Load
from benchmarks.loads import Pace
from benchmarks.measurement import Measurement, Meter
from benchmarks.peers import buying
from benchmarks.peers.buying import Buying, Rush
from benchmarks.peers.catalogue import FEW
from benchmarks.peers.flow import Conversation
from benchmarks.peers.system import Running, Site, System
from tools.terminal import say

READERS, CROWD = 16, 60
FEW_CLIENTS = 8
CROWDS = (32, 64)
"""Those of W and of W64 of `make bench`."""
CLIENTS = (FEW_CLIENTS, *CROWDS)
WARMING_SECONDS = 5.0
CROWDED = Pace(rounds=1, warm_up=5.0, seconds=15.0)
"""An order of a peer takes seconds in CROWDS."""
RUSHES = 3
SHOWN = 1000
"""Characters of a wrong answer."""
TWICE = 12
"""Units in each of two lines of one product: one is there, both are not."""


@dataclass(slots=True)
class Found:
    """All that was found out about one system. `memory`: bytes when idle. `twice`: "refused",
    "sold" or what went wrong. `orders`: by the number of CLIENTS.
    `errors`: answers 5xx while orders were placed one after the other; `missing`: units that left
    the tables meanwhile and that no order has (negative: that orders have and the tables still)."""

    name: str
    versions: str
    services: Sequence[str]
    page_requests: int
    memory: int
    pages: list[Measurement] = field(default_factory=list)
    orders: dict[int, list[Measurement]] = field(
        default_factory=lambda: {clients: [] for clients in CLIENTS}
    )
    rushes: list[Rush] = field(default_factory=list)
    twice: str = ""
    errors: int = 0
    missing: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def order_requests(self) -> int:
        """Requests an order of three lines took."""
        placed = [one for rounds in self.orders.values() for one in rounds]
        orders = sum(one.orders for one in placed)
        return round(sum(one.sent for one in placed) / orders) if orders else 0

    @property
    def loads(self) -> dict[str, list[Measurement]]:
        """The rounds of R and of each W."""
        return {"R": self.pages} | {f"W{n}": rounds for n, rounds in self.orders.items()}

    @property
    def failures(self) -> list[str]:
        """Wrong answers: with one the figures count for nothing."""
        wrong = [
            f"{self.name}, {load}: {one.failure[:SHOWN]}"
            for load, rounds in self.loads.items()
            for one in rounds
            if one.failure
        ]
        return [*wrong, *(f"{self.name}: {fault}" for fault in self.faults)]


class Candidate:
    """A system that runs, and what was found out about it so far."""

    def __init__(self, system: System, site: Site, running: Running) -> None:
        self._site = site
        self._running = running
        self._products = [running.products[sku] for sku in site.catalogue.plenty]
        self._scarce = [running.products[sku] for sku in site.catalogue.scarce]
        self._meter = Meter(site.cluster.pid or 0, running.processes["server"])
        self.found = Found(
            name=system.name,
            versions=system.versions,
            services=list(running.processes),
            page_requests=system.page_requests,
            memory=sum(processes.proportional(root) for root in running.processes.values()),
        )

    def warm_up(self) -> None:
        """What does not count: connections, caches, code that is compiled once it has run."""
        load = Load(self._running.port, self._running.page(), READERS, 0.0, WARMING_SECONDS)
        generator.measure(load, self._meter)
        buyers = self._running.buyers()[:FEW_CLIENTS]
        buying.measure(
            Buying(self._running.port, buyers, self._products, "first", 0.0, WARMING_SECONDS),
            self._meter,
        )
        self._running.settle()

    def pages(self, pace: Pace) -> None:
        """R: the list's page from READERS connections."""
        load = Load(self._running.port, self._running.page(), READERS, pace.warm_up, pace.seconds)
        self._keep("R", self.found.pages, generator.measure(load, self._meter))

    def orders(self, pace: Pace, clients: int = FEW_CLIENTS) -> None:
        """W: orders of three products from so many clients; what they took must be gone."""
        kept = self.found.orders[clients]
        seed = f"W{clients} {len(kept)}"
        buyers = self._running.buyers()[:clients]
        before = sum(self._running.stock().values())
        load = Buying(self._running.port, buyers, self._products, seed, pace.warm_up, pace.seconds)
        measured, errors = buying.measure(load, self._meter)
        self._keep(f"W{clients}", kept, measured)
        gone = before - sum(self._running.stock().values())
        self.found.errors += errors
        self.found.missing += gone - measured.units
        self._running.settle()

    def rush(self) -> None:
        """CROWD buyers at once for FEW units, each time other buyers and another product."""
        number = len(self.found.rushes)
        first = max(CLIENTS) + number * CROWD
        buyers = self._running.buyers()[first : first + CROWD]
        product = self._scarce[number]
        answers = buying.rush(self._running.port, buyers, product)
        failed = [one for one in answers if one not in {"sold", "refused"}]
        left = self._running.stock()[product]
        sold, refused = answers.count("sold"), answers.count("refused")
        self.found.rushes.append(Rush(FEW, sold, refused, failed, left))
        self._running.settle()
        say(f"  {self.found.name:<14}rush: {sold} of {FEW} sold, {left} left afterwards")

    def twice(self) -> None:
        """One order with two lines of one product: together more than there is."""
        product = self._scarce[RUSHES]
        with Conversation(self._running.port) as conversation:
            basket = [(product, TWICE), (product, TWICE)]
            buyer = self._running.buyers()[-1]
            self.found.twice = buying.outcome(conversation, buyer, basket)
        say(f"  {self.found.name:<14}twice: {self.found.twice}")

    def audit(self) -> None:
        """Asks the system itself whether its books are right."""
        self.found.faults += self._running.faults()

    def _keep(self, load: str, kept: list[Measurement], one: Measurement) -> None:
        kept.append(one)
        reported = f"  {self.found.name:<14}{load:<5}{one.rate:>9,.1f}/s"
        say(f"{reported}  {one.failure[:300]}" if one.failure else reported)


def buyers_needed() -> int:
    """For W, for each rush others, and one."""
    return max(CLIENTS) + RUSHES * CROWD + 1


def run(candidates: Sequence[Candidate], pace: Pace) -> list[Found]:
    """All rounds; in each one system follows the other, load by load."""
    for candidate in candidates:
        candidate.warm_up()
    for _ in range(pace.rounds):
        for candidate in candidates:
            candidate.pages(pace)
        for candidate in candidates:
            candidate.orders(pace)
    for crowd in CROWDS:
        for candidate in candidates:
            candidate.orders(CROWDED, crowd)
    for candidate in candidates:
        for _ in range(RUSHES):
            candidate.rush()
        candidate.twice()
        candidate.audit()
    return [candidate.found for candidate in candidates]
