"""Sends a running Larder each kind of request for some seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from benchmarks import generator
from benchmarks.generator import Load
from benchmarks.measurement import Measurement, Meter
from benchmarks.servers import Server
from benchmarks.sessions import Sessions
from benchmarks.shop import PASSWORD, Shop
from benchmarks.traffic import Details, Holds, LogIns, Orders, Page, Traffic
from tools.local_postgres import Cluster

LIST = "/api/v1/products"
READERS, WRITERS, LOG_INS = 16, 32, 3
CUSTOMERS = 64
"""Customers who send orders when they are due. Each waits for an answer. With fewer of them, orders
would be late because no customer is free, and not because the server cannot place them."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How many rounds, and seconds of warm-up and of measuring each time.

    No round begins that would not end before the moment `until` (time.monotonic), but the first.
    """

    rounds: int
    warm_up: float
    seconds: float
    until: float = math.inf


class Site(Protocol):
    """A shop that is served, and customers who are logged in."""

    @property
    def cluster(self) -> Cluster: ...

    @property
    def shop(self) -> Shop: ...

    @property
    def larder(self) -> Server: ...

    @property
    def sessions(self) -> Sessions: ...


class Loads:
    """The loads on one site. No two of them order the same: each time the seed is another."""

    def __init__(self, site: Site, pace: Pace) -> None:
        self._site = site
        self._pace = pace
        self._numbers = count()

    def page(self, connections: int = READERS) -> Measurement:
        """The list's first page."""
        return self._closed(self._page(), connections)

    def details(self, connections: int = READERS) -> Measurement:
        """One product, any."""
        tokens, products = self._site.sessions.tokens(), self._site.shop.products
        return self._closed(Details(tokens, products, self._seed()), connections)

    def orders(self, connections: int = WRITERS, *, hot: bool = False) -> Measurement:
        """Orders of three products."""
        return self._closed(self._orders(hot=hot), connections)

    def holds(self) -> Measurement:
        """Orders with a hold, and their confirmations: two requests for each order."""
        return self._closed(Holds(self._orders(), self._site.sessions.cashier()), WRITERS)

    def page_beside_orders(self, rate: float) -> tuple[Measurement, Measurement]:
        """The list's first page while so many orders a second are placed; and those orders."""
        pages = self._load(self._page(), READERS)
        orders = self._load(self._orders(), CUSTOMERS, rate)
        readers, writers = generator.measure_together([pages, orders], self._meter())
        return readers, writers

    def log_ins(self) -> Measurement:
        """Passwords that are right."""
        return self._closed(LogIns(self._site.shop.usernames, PASSWORD), LOG_INS)

    def _closed(self, traffic: Traffic, connections: int) -> Measurement:
        return generator.measure(self._load(traffic, connections), self._meter())

    def _load(self, traffic: Traffic, connections: int, rate: float | None = None) -> Load:
        pace, port = self._pace, self._site.larder.port
        return Load(port, traffic, connections, pace.warm_up, pace.seconds, rate)

    def _meter(self) -> Meter:
        return Meter(postmaster(self._site.cluster), self._site.larder.pid)

    def _page(self) -> Page:
        return Page(LIST, self._site.sessions.tokens())

    def _orders(self, *, hot: bool = False) -> Orders:
        products, tokens = self._site.shop.products, self._site.sessions.tokens()
        return Orders(tokens, products, self._seed(), products[0] if hot else None)

    def _seed(self) -> str:
        return f"L{next(self._numbers)}"


def postmaster(cluster: Cluster) -> int:
    """The process id of PostgreSQL's first process. Raises RuntimeError when it has ended."""
    if cluster.pid is None:
        raise RuntimeError("PostgreSQL has ended.")
    return cluster.pid
