"""Shops of different sizes, each a database of one PostgreSQL with a server of its own."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from benchmarks import servers
from benchmarks.installation import environment_of, run
from benchmarks.servers import Server, Size
from tools.local_postgres import Cluster
from tools.terminal import step

FILL = Path(__file__).with_name("fill.sql").read_text()
PART = 100_000
"""Orders written by one statement."""
KEYS = {customer: f"larder_{customer:040}" for customer in (1, 2, 3)}
"""By customer: who asks. They live as long as the databases."""
ONE_WORKER = Size(workers=1, threads=2)

Told = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop with so many orders, and the server that serves it."""

    orders: int
    server: Server


@contextmanager
def open_shops(folder: Path, sizes: Sequence[int], told: Told) -> Iterator[list[Shop]]:
    """Fills a database for each size and starts a server on each; all of it ends with the block.

    `told` hears how many orders of how many are there. Raises LauncherError.
    """
    with ExitStack() as stack:
        cluster = Cluster(folder / "postgresql", durable=False, settings={"max_wal_size": "4GB"})
        with step("PostgreSQL started"):
            stack.enter_context(cluster)
        shops = []
        for size in sizes:
            environment = prepare(cluster, f"shop_{size}")
            with step(f"{size:,} orders"):
                fill(cluster.superuser_url(f"shop_{size}"), size, told)
            log = folder / f"server-{size}.log"
            server = servers.serve(servers.LARDER, ONE_WORKER, environment, log)
            shops.append(Shop(size, stack.enter_context(server)))
        yield shops


def prepare(cluster: Cluster, name: str) -> dict[str, str]:
    """Makes a database and its tables; returns the server's environment."""
    with psycopg.connect(cluster.owner_url("postgres"), autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    environment = environment_of(cluster, ONE_WORKER) | {
        "DATABASE_URL": cluster.app_url(name),
        "OWNER_DATABASE_URL": cluster.owner_url(name),
    }
    run([sys.executable, "manage.py", "prepare"], environment)
    return environment


def fill(url: str, orders: int, told: Told) -> None:
    """Writes the people and the orders. Nobody's rule is checked meanwhile: they all hold."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET maintenance_work_mem = '512MB'")
        connection.execute(_CUSTOMERS, [3 + orders // 50 + 1])
        connection.execute("UPDATE identity.customer SET is_staff = true WHERE id = 3")
        for customer, key in KEYS.items():
            digest = hashlib.sha256(key.encode()).digest()
            connection.execute(_KEY, [customer, digest])
        indexes = _drop_indexes(connection)
        for first in range(1, orders + 1, PART):
            last = min(first + PART - 1, orders)
            # Written into the text: planned for a parameter, the division would be by anything.
            given = {"first": first, "last": last, "all": orders}
            connection.execute((FILL % given).encode())
            told("orders", last, orders)
        for number, index in enumerate(indexes, 1):
            connection.execute(index.encode())
            told("indexes", number, len(indexes))
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


_CUSTOMERS = """
INSERT INTO identity.customer (id, public_id, username, password, email, first_name, last_name,
                               is_active, is_staff, is_superuser, may_order, version)
SELECT n, uuidv7(), 'customer ' || n, '!', '', '', '', true, false, false, true, 1
FROM generate_series(1, %s) AS n
"""
_KEY = """
INSERT INTO identity.key (id, customer_id, name, digest, created_at)
VALUES (uuidv7(), %s, '', %s, now())
"""
_INDEXES = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
WHERE indrelid IN ('orders."order"'::regclass, 'orders.order_line'::regclass)
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
ORDER BY 1
"""


def _drop_indexes(connection: psycopg.Connection) -> list[str]:
    """Those that no constraint needs: built at the end they take a tenth of the time."""
    found = connection.execute(_INDEXES).fetchall()
    for name, _ in found:
        connection.execute(f"DROP INDEX {name}".encode())
    return [definition for _, definition in found]
