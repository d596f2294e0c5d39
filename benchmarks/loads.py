"""The loads, and the order in which they are measured: each beside its limit, in several rounds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from statistics import median

from benchmarks import generator, pgbench
from benchmarks.generator import Load
from benchmarks.installation import Installation
from benchmarks.measurement import Measurement, Meter
from benchmarks.pgbench import Writes
from benchmarks.shop import PASSWORD
from benchmarks.traffic import LIST, Details, Holds, LogIns, Orders, Page, Traffic
from larder.local.terminal import say
from tools.processes import postmaster

CONNECTIONS, FEW, LOG_INS = 64, 8, 3
PGBENCH_CLIENTS = 16
"""As many connections as the server's pools hold together; more make pgbench no faster."""
BUSY_LOOPS = 2
DUE = 0.7
"""The share of W that is due in *W as due*, evenly spaced."""

TITLES: Mapping[str, str] = {
    "R": "list page of 20, token",
    "detail": "one product of all, token",
    "W": "order of 3 random products",
    "pgbench W": "the same writes, no application",
    "H": "one product in every order",
    "W of 8": "W from 8 connections",
    "W as due": f"{DUE:.0%} of W, evenly spaced",
    "W, busy": f"W beside {BUSY_LOOPS} busy loops",
    "hold": "W with a hold, and each order confirmed: two requests an order",
    "L": "log-in",
}

ROUND = (
    *("R", "detail", "H", "W", "pgbench W", "pgbench W", "W", "H"),
    *("W of 8", "W as due", "W, busy", "hold", "L"),
)
"""One round. W, H and pgbench are measured twice, so that a machine that slows down or speeds up
favours none of them."""

Results = dict[str, list[Measurement]]
"""The rounds' measurements, by the name of the load."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How many rounds, and seconds of warm-up and of measuring each time."""

    rounds: int
    warm_up: float
    seconds: float


class Loads:
    """The loads on one shop. No two of them order the same: each time the seed is another. Loads
    of one shop have other `series`."""

    def __init__(self, on: Installation, pace: Pace, series: str = "L") -> None:
        self._on = on
        self._series = series
        self._pace = pace
        self._numbers = count()

    def page(self) -> Measurement:
        """The list's first page."""
        return self._measure(Page(LIST, self._on.sessions.tokens()))

    def details(self) -> Measurement:
        """One product, any."""
        tokens, products = self._on.sessions.tokens(), self._on.shop.products
        return self._measure(Details(tokens, products, self._seed()))

    def orders(
        self,
        connections: int = CONNECTIONS,
        *,
        hot: bool = False,
        rate: float | None = None,
        refusal: int | None = None,
    ) -> Measurement:
        """Orders of three products; with a rate as they are due."""
        return self._measure(self._orders(hot=hot), connections, rate=rate, refusal=refusal)

    def holds(self) -> Measurement:
        """Orders with a hold, and their confirmations: two requests for each order."""
        return self._measure(Holds(self._orders(), self._on.sessions.cashier()))

    def log_ins(self) -> Measurement:
        """Passwords that are right."""
        return self._measure(LogIns(self._on.shop.usernames, PASSWORD), LOG_INS)

    def pgbench(self) -> Measurement:
        """The same writes, one by one, without an application."""
        pace, url = self._pace, self._on.cluster.app_url()
        writes = Writes(url, self._on.stock, PGBENCH_CLIENTS, pace.warm_up, pace.seconds)
        return pgbench.measure(writes, Meter(postmaster(self._on.cluster)))

    def _measure(
        self,
        traffic: Traffic,
        connections: int = CONNECTIONS,
        *,
        rate: float | None = None,
        refusal: int | None = None,
    ) -> Measurement:
        pace, server = self._pace, self._on.larder
        load = Load(server.port, traffic, connections, pace.warm_up, pace.seconds, rate, refusal)
        return generator.measure(load, Meter(postmaster(self._on.cluster), server.pid))

    def _orders(self, *, hot: bool = False) -> Orders:
        products, tokens = self._on.shop.products, self._on.sessions.tokens()
        return Orders(tokens, products, self._seed(), products[0] if hot else None)

    def _seed(self) -> str:
        return f"{self._series}{next(self._numbers)}"


def measure(installation: Installation, pace: Pace) -> Results:
    """Measures all rounds; says a line for each measurement that counts."""
    results: Results = {name: [] for name in TITLES}
    loads = Loads(installation, pace)
    measures = by_name(loads, results)
    # Its first seconds go to connections and caches.
    loads.page()
    for number in range(1, pace.rounds + 1):
        for name in ROUND:
            measurement = measures[name]()
            results[name].append(measurement)
            line = f"  {number}/{pace.rounds} {name:<12}{measurement.rate:>9.0f}/s"
            say(f"{line}  {measurement.failure.partition(chr(10))[0]}".rstrip())
    return results


def by_name(loads: Loads, results: Results) -> dict[str, Callable[[], Measurement]]:
    """Returns a function for each load of TITLES. One reads the rate of W so far in `results`."""

    def as_due() -> Measurement:
        fastest = median(measurement.rate for measurement in results["W"])
        # Where nothing could be placed, one order a second shows what is wrong.
        return loads.orders(rate=DUE * fastest or 1.0)

    def beside_loops() -> Measurement:
        with busy_loops(BUSY_LOOPS):
            return loads.orders()

    return {
        "R": loads.page,
        "detail": loads.details,
        "W": loads.orders,
        "pgbench W": loads.pgbench,
        "H": lambda: loads.orders(hot=True),
        "W of 8": lambda: loads.orders(FEW),
        "W as due": as_due,
        "W, busy": beside_loops,
        "hold": loads.holds,
        "L": loads.log_ins,
    }


@contextmanager
def busy_loops(number: int) -> Iterator[None]:
    """Keeps processes busy until the block ends, at most for a minute."""
    loop = "import time\nend = time.monotonic() + 60\nwhile time.monotonic() < end: pass"
    with ExitStack() as stack:
        for _ in range(number):
            # In a session of their own: the scheduler shares the CPU between sessions first.
            process = stack.enter_context(
                subprocess.Popen([sys.executable, "-c", loop], start_new_session=True)
            )
            stack.callback(process.kill)
        yield


def failures(results: Mapping[str, Sequence[Measurement]]) -> list[str]:
    """Returns the first wrong answer of each load that got one."""
    first = {
        name: next((each.failure for each in rounds if each.failure), "")
        for name, rounds in results.items()
    }
    return [f"{name} got a wrong answer: {text[:300]}" for name, text in first.items() if text]
