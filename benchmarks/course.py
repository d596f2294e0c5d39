"""The measurements, in an order that puts each beside its limit, several rounds of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median

from benchmarks import generator, pgbench
from benchmarks.generator import Load
from benchmarks.installation import BARE_BYTES, Installation
from benchmarks.loads import READERS, Loads, Pace, postmaster
from benchmarks.measurement import Measurement, Meter
from benchmarks.pgbench import Writes
from benchmarks.servers import Server
from benchmarks.traffic import Page
from tools.terminal import say

PGBENCH_CLIENTS = 16
"""As many connections as the server's pools hold together; more make pgbench no faster."""

TITLES: Mapping[str, str] = {
    "R": "list page of 20, token",
    "bare Django": "a view with the same bytes, nothing else",
    "detail": "one product of all, token",
    "W": "order of 3 random products, 32 connections",
    "pgbench W": "the same writes, no application",
    "H": "one product in every order",
    "hold": "W with a hold, and each order confirmed: two requests an order",
    "W64": "W from 64 connections",
    "R beside W": "list page while orders are placed",
    "W at half": "those orders: half as many as W, as they are due",
    "L": "log-in",
}

ORDER = (
    *("R", "bare Django", "bare Django", "R", "detail"),
    *("H", "W", "pgbench W", "pgbench W", "W", "H"),
    *("W64", "R beside W", "hold", "L"),
)
"""One round. Each load is next to its limit. Those with a floor are measured before and after it,
so that a machine that slows down or speeds up favours neither."""

FIRST = ("R", "bare Django")
"""Run once before anything counts: their first seconds go to connections and caches."""

PGBENCH = {"pgbench W"}
BESIDE, HALF = "R beside W", "W at half"

Results = dict[str, list[Measurement]]
"""The rounds' measurements, by the name of the load."""


class Course:
    """What is measured on one installation."""

    def __init__(self, installation: Installation, pace: Pace) -> None:
        self._on = installation
        self._pace = pace
        self._results: Results = {name: [] for name in TITLES}
        loads = Loads(installation, pace)
        self._beside = loads.page_beside_orders
        self._measures: dict[str, Callable[[], Measurement]] = {
            "R": loads.page,
            "bare Django": lambda: self._bare(installation.bare_django, BARE_BYTES),
            "detail": loads.details,
            "W": loads.orders,
            "pgbench W": self._pgbench,
            "H": lambda: loads.orders(hot=True),
            "hold": loads.holds,
            "W64": lambda: loads.orders(64),
            "L": loads.log_ins,
        }

    def run(self) -> Results:
        """All rounds; a line on the terminal for each measurement that counts."""
        for name in FIRST:
            self._measures[name]()
        for number in range(1, self._pace.rounds + 1):
            began = time.monotonic()
            self._measure(ORDER, f"{number}/{self._pace.rounds}")
            now = time.monotonic()
            if number < self._pace.rounds and 2 * now - began > self._pace.until:
                say("The time that there is does not suffice for another round.")
                break
        return self._results

    def _measure(self, names: Sequence[str], when: str) -> None:
        for name in names:
            for taken, one in self._take(name).items():
                self._results[taken].append(one)
                answers = f"  {when} {taken:<12}{one.rate:>9.0f}/s"
                say(f"{answers}  {one.failure.splitlines()[0]}" if one.failure else answers)

    def _take(self, name: str) -> dict[str, Measurement]:
        if name != BESIDE:
            return {name: self._measures[name]()}
        fastest = median(one.rate for one in self._results["W"])
        # Where nothing could be placed, one order a second shows what is wrong.
        pages, orders = self._beside(fastest / 2 or 1.0)
        return {BESIDE: pages, HALF: orders}

    def _bare(self, server: Server, path: str) -> Measurement:
        pace = self._pace
        load = Load(server.port, Page(path), READERS, pace.warm_up, pace.seconds)
        return generator.measure(load, Meter(postmaster(self._on.cluster), server.pid))

    def _pgbench(self) -> Measurement:
        pace, url = self._pace, self._on.cluster.app_url()
        writes = Writes(
            "order.sql", url, self._on.stock, PGBENCH_CLIENTS, pace.warm_up, pace.seconds
        )
        return pgbench.measure(writes, Meter(postmaster(self._on.cluster)))


def measured(results: Results, names: Sequence[str] | set[str]) -> list[Measurement]:
    """All measurements of some loads."""
    return [one for name in names for one in results[name]]
