"""What many orders at once leave behind: bytes of tables, of indexes and of the log, how the
stock's rows were updated, and the CPU that placing together costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks import generator
from benchmarks.generator import Load
from benchmarks.growth.shops import Extent, Shop, open_shop
from benchmarks.measurement import Measurement, Meter, Summary, summary
from benchmarks.servers import Size
from benchmarks.traffic import Orders
from tools.local_postgres import Cluster

WRITERS = 32
"""Connections that order at once."""
WARM_UP = 1.0
HOT_FLOOR = 0.90
"""The least share of the stock's updates that must not touch its index."""
STOCK_BAR = 2.0
"""How many times as large the stock's table may become while orders are placed."""
SIZES = """
SELECT relname, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class
WHERE relkind = 'r' AND relnamespace::regnamespace::text = ANY(%s)
"""
SCHEMAS = ["common", "catalog", "inventory", "orders"]
UPDATES = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'stock'"
LOG = "SELECT pg_current_wal_insert_lsn() - '0/0'"


@dataclass(frozen=True, slots=True)
class Bytes:
    """Of a table, its TOAST and maps included, and of its indexes."""

    table: float
    indexes: float

    @property
    def total(self) -> float:
        """Both."""
        return self.table + self.indexes


@dataclass(frozen=True, slots=True)
class State:
    """What a database held at a moment, by table; updates of stock so far, and those of them that
    were heap-only; bytes of the log so far."""

    sizes: Mapping[str, Bytes]
    updates: int
    heap_only: int
    log: float


@dataclass(frozen=True, slots=True)
class Written:
    """So many orders, placed together as fast as it goes, and what they cost each.

    `cost` is of the counted time, with everything that PostgreSQL did meanwhile. `stock_growth`
    is how many times as large the stock's table was afterwards, `failure` the first wrong answer.
    """

    extent: Extent
    orders: int
    cost: Summary
    sizes: Mapping[str, Bytes]
    log: float
    hot: float
    stock_growth: float
    failure: str = ""

    @property
    def bytes(self) -> float:
        """An order, in all tables and indexes together."""
        return sum(one.total for one in self.sizes.values())

    def missed(self) -> list[str]:
        """What would not hold for long."""
        found = [f"{self.extent}: {self.failure[:300]}"] if self.failure else []
        if self.hot < HOT_FLOOR:
            found.append(f"{self.extent}: {self.hot:.0%} of the stock's updates are heap-only")
        if self.stock_growth > STOCK_BAR:
            found.append(f"{self.extent}: the stock's table grew {self.stock_growth:.1f} times")
        return found


def write(cluster: Cluster, folder: Path, extent: Extent, size: Size, seconds: float) -> Written:
    """Places orders in one shop for some seconds. Raises LauncherError."""
    before = look(cluster, extent)
    with open_shop(cluster, folder, extent, size) as shop:
        found = _place(shop, seconds)
    # The server's connections have reported their statistics when they ended.
    return _compared(extent, found, before, look(cluster, extent))


def look(cluster: Cluster, extent: Extent) -> State:
    """The state of a database now."""
    with psycopg.connect(cluster.superuser_url(extent.database)) as connection:
        sizes = connection.execute(SIZES, [SCHEMAS]).fetchall()
        updates, heap_only = connection.execute(UPDATES).fetchone() or (0, 0)
        (log,) = connection.execute(LOG).fetchone() or (0,)
    named = {name: Bytes(table, indexes) for name, table, indexes in sizes}
    return State(named, updates, heap_only, float(log))


def _place(shop: Shop, seconds: float) -> Measurement:
    orders = Orders(shop.sessions.tokens(), shop.products, f"{shop.extent}")
    load = Load(shop.server.port, orders, WRITERS, WARM_UP, seconds)
    return generator.measure(load, Meter(shop.cluster.pid or 0, shop.server.pid))


def _compared(extent: Extent, found: Measurement, before: State, after: State) -> Written:
    grown = {
        name: Bytes(
            (size.table - before.sizes[name].table) / found.sent,
            (size.indexes - before.sizes[name].indexes) / found.sent,
        )
        for name, size in after.sizes.items()
    }
    return Written(
        extent=extent,
        orders=found.sent,
        cost=summary([found], cores=1),
        sizes={name: one for name, one in sorted(grown.items()) if one.total > 0},
        log=(after.log - before.log) / found.sent,
        hot=(after.heap_only - before.heap_only) / max(1, after.updates - before.updates),
        stock_growth=after.sizes["stock"].table / before.sizes["stock"].table,
        failure=found.failure,
    )
