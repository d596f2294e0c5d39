"""What a system has to offer to be measured: each adapter implements `System`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import psycopg
from psycopg import sql

from benchmarks.peers.catalogue import Catalogue
from benchmarks.peers.flow import Flow
from benchmarks.traffic import Sent, Traffic
from tools.local_postgres import Cluster

Basket = Sequence[tuple[int, int]]
"""Products (the system's own ids) and units; a product may come twice."""


class Buyer(Protocol):
    """A customer who is logged in, and can be sent to another process."""

    def order(self, basket: Basket) -> Flow:
        """One order, from the first request to the one that places it.

        Raises Refused when the system does not sell that.
        """
        ...


class Running(Protocol):
    """A system that is up, has the catalogue, and whose buyers are logged in."""

    @property
    def port(self) -> int: ...

    @property
    def processes(self) -> Mapping[str, int]:
        """Its services beside PostgreSQL, each with the process id of the root of its tree."""
        ...

    @property
    def products(self) -> Mapping[str, int]:
        """Ids by SKU."""
        ...

    def page(self) -> Traffic:
        """The first page of 20 products, for customers who are logged in."""
        ...

    def buyers(self) -> Sequence[Buyer]:
        """As many as the catalogue has; good for the next two minutes."""
        ...

    def stock(self) -> Mapping[int, int]:
        """Units left by product id, from its tables."""
        ...

    def settle(self) -> None:
        """Waits for what its services do after the answer, so that it does not slow others.

        Raises LauncherError when that takes minutes.
        """
        ...

    def faults(self) -> list[str]:
        """What its own check of its tables finds, if it has one."""
        ...


@dataclass(frozen=True, slots=True)
class Same:
    """The same requests in a circle; 200 is the only right answer."""

    raws: Sequence[bytes]

    def requests(self, part: int) -> Iterator[Sent]:
        """All of them, for every process."""
        return cycle([Sent(raw) for raw in self.raws])


@dataclass(frozen=True, slots=True)
class Site:
    """Where a system is put for one run: a database, a folder, what it sells."""

    cluster: Cluster
    database: str
    folder: Path
    cache: Path
    catalogue: Catalogue

    def make_database(self) -> None:
        """An empty one, owned by the role that connects."""
        with psycopg.connect(self.cluster.owner_url("postgres"), autocommit=True) as owner:
            owner.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.database)))

    def database_environment(self) -> dict[str, str]:
        """The database's address in pieces, for settings that want it so."""
        url = urlsplit(self.cluster.owner_url(self.database))
        return {
            "DB_SOCKET": parse_qs(url.query)["host"][0],
            "DB_NAME": self.database,
            "DB_USERNAME": url.username or "",
            "DB_PASSWORD": url.password or "",
        }

    def ids(self, statement: str) -> dict[str, int]:
        """A text and a number in each row of the system's tables."""
        return dict(self._rows(statement))

    def amounts(self, statement: str) -> dict[int, int]:
        """Two numbers in each row."""
        return dict(self._rows(statement))

    def _rows(self, statement: str) -> list[Any]:
        with psycopg.connect(self.cluster.superuser_url(self.database)) as connection:
            return connection.execute(statement.encode()).fetchall()


class System(Protocol):
    """One of those that are compared."""

    @property
    def name(self) -> str: ...

    @property
    def versions(self) -> str: ...

    @property
    def page_requests(self) -> int:
        """Requests until an app can show 20 products with price and stock."""
        ...

    def install(self, cache: Path) -> None:
        """From its registry into `cache`, unless it is there. Raises LauncherError."""
        ...

    def start(self, site: Site) -> AbstractContextManager[Running]:
        """Makes its tables, fills them, runs it until the block ends. Raises LauncherError."""
        ...
