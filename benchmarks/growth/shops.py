"""Runs shops of different extents: databases of one PostgreSQL, each with its server."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psycopg
from psycopg import sql

from benchmarks import servers
from benchmarks.history.shops import (
    ONE_WORKER,
    Answered,
    environment_for,
    filling,
    give_keys,
    indexes_built_afterwards,
    parts,
    prepare,
    write_customers,
)
from benchmarks.installation import Amount, make_shop, run
from benchmarks.servers import Server
from benchmarks.sessions import Sessions
from benchmarks.shop import PASSWORD, STOCK
from tools.local_postgres import Cluster
from tools.terminal import step

PRODUCTS = Path(__file__).with_name("products.sql").read_text()
ORDERS = Path(__file__).with_name("orders.sql").read_text()
WARMING = Path(__file__).with_name("warming.sql").read_text()
BUYERS = 20
"""Customers who can log in, the first of them with a tenth of all orders."""
ORDERS_A_CUSTOMER = 50
MOST_GROWN = 1.2
FILLED = ("catalog.product", "inventory.ledger_entry")
ORDERED = ('orders."order"', "orders.order_line", "orders.order_event", "inventory.ledger_entry")
FILLING = {
    "max_wal_size": "8GB",
    "checkpoint_timeout": "1h",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "work_mem": "256MB",
}
"""PostgreSQL's settings while nothing is measured."""
MEASURING = {"shared_buffers": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') // 4}B"}
"""A quarter of the memory, as PostgreSQL's manual has it. Of six shops in one PostgreSQL each would
have a sixth of the launcher's 256 MB, the largest with 12 GB of data: what is measured then is how
one shop's pages push out another's."""


class Extent(NamedTuple):
    """How many orders and products there are. The first of an ascending list is the smallest."""

    orders: int
    products: int

    def __str__(self) -> str:
        return f"{self.orders:,} orders, {self.products:,} products"

    @property
    def database(self) -> str:
        """The name of its database."""
        return f"shop_{self.orders}_{self.products}"


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop of that extent, its cluster, and the server that serves it."""

    extent: Extent
    cluster: Cluster
    server: Server
    sessions: Sessions

    @property
    def products(self) -> range:
        """Their ids."""
        return range(1, self.extent.products + 1)


def fill_shops(folder: Path, extents: Sequence[Extent], answers: Answered) -> None:
    """Makes the databases that are not there yet, each complete or not at all; and those anew
    in which so much was ordered since that they are no longer what they are called.

    Calls `answers` with the number of rows that are written, and of all. Raises LauncherError.
    """
    with Cluster(folder / "postgresql", durable=False, settings=FILLING) as cluster:
        for extent in extents:
            with step(str(extent)):
                if _is_there(cluster, extent):
                    _bring_up_to_date(cluster, extent)
                else:
                    _fill(cluster, extent, answers)


def _bring_up_to_date(cluster: Cluster, extent: Extent) -> None:
    """What was filled for an earlier run may lack migrations."""
    environment = environment_for(cluster, extent.database, ONE_WORKER)
    run([sys.executable, "manage.py", "prepare"], environment)


def _is_there(cluster: Cluster, extent: Extent) -> bool:
    with psycopg.connect(cluster.superuser_url()) as connection:
        asked = "SELECT FROM pg_database WHERE datname = %s"
        if connection.execute(asked, [extent.database]).fetchone() is None:
            return False
    with psycopg.connect(cluster.superuser_url(extent.database)) as connection:
        (last,) = connection.execute('SELECT max(number) FROM orders."order"').fetchone() or (0,)
    return int(last) <= extent.orders * MOST_GROWN


def _fill(cluster: Cluster, extent: Extent, answers: Answered) -> None:
    draft = f"draft_{extent.database}"
    with psycopg.connect(cluster.superuser_url(), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(draft)))
    environment = prepare(cluster, draft)
    make_shop(environment, Amount(products=1, customers=BUYERS))
    customers = BUYERS + extent.orders // ORDERS_A_CUSTOMER + 1
    with filling(cluster.superuser_url(draft)) as connection:
        # Orders are not confirmed in this shop.
        connection.execute("DELETE FROM identity.customer WHERE is_superuser")
        connection.execute("UPDATE identity.customer SET username = 'buyer ' || id")
        write_customers(connection, BUYERS + 1, customers)
        give_keys(connection)
        given = {"stock": STOCK, "products": extent.products, "customers": customers}
        with indexes_built_afterwards(connection, FILLED, answers):
            _write(connection, PRODUCTS, 2, given | {"all": extent.products}, answers)
        # The statement of the orders looks at them, and is planned for so many.
        connection.execute("ANALYZE")
        with indexes_built_afterwards(connection, ORDERED, answers):
            _write(connection, ORDERS, 1, given | {"all": extent.orders}, answers)
        # What filling has updated leaves room that a shop would not have.
        connection.execute("VACUUM FULL inventory.stock")
        # Or autovacuum would go through all that was filled while it is measured.
        connection.execute("VACUUM (FREEZE, ANALYZE)")
    names = sql.Identifier(draft), sql.Identifier(extent.database)
    with psycopg.connect(cluster.superuser_url(), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(names[1]))
        connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*names))


def _write(
    connection: psycopg.Connection,
    statement: str,
    begin: int,
    given: Mapping[str, int],
    answers: Answered,
) -> None:
    """Rows number `begin` and on, part by part. The numbers are written into the text: planned
    for a parameter, a division would be by anything."""
    rows = given["all"]
    for first, last in parts(rows):
        part = {"first": max(first, begin), "last": last}
        connection.execute((statement % {**given, **part}).encode())
        answers("rows", last, rows)


def warm(cluster: Cluster, extent: Extent) -> None:
    """Has PostgreSQL read what orders of any product touch."""
    with psycopg.connect(cluster.superuser_url(extent.database)) as connection:
        connection.execute(WARMING.encode())


@contextmanager
def open_shops(cluster: Cluster, folder: Path, extents: Sequence[Extent]) -> Iterator[list[Shop]]:
    """Starts a server of one worker on each; all of them end with the block."""
    with ExitStack() as stack:
        yield [stack.enter_context(open_shop(cluster, folder, one, ONE_WORKER)) for one in extents]


@contextmanager
def open_shop(cluster: Cluster, folder: Path, extent: Extent, size: servers.Size) -> Iterator[Shop]:
    """Starts a server of that size on one of them; it ends with the block."""
    environment = environment_for(cluster, extent.database, size)
    log = folder / f"{extent.database}.log"
    with servers.serve(servers.LARDER, size, environment, log) as server:
        names = [f"buyer {number}" for number in range(1, BUYERS + 1)]
        yield Shop(extent, cluster, server, Sessions(server.port, names, PASSWORD))
