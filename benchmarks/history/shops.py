"""Runs shops of different sizes: databases of one PostgreSQL, each with its server."""

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

Answered = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop with so many orders, and the server that serves it."""

    orders: int
    server: Server


@contextmanager
def open_shops(folder: Path, sizes: Sequence[int], answers: Answered) -> Iterator[list[Shop]]:
    """Fills a database for each size and starts a server on each; all of it ends with the block.

    Calls `answers` with the number of orders that are written, and of all. Raises LauncherError.
    """
    with ExitStack() as stack:
        cluster = Cluster(folder / "postgresql", durable=False, settings={"max_wal_size": "4GB"})
        with step("PostgreSQL started"):
            stack.enter_context(cluster)
        shops = []
        for size in sizes:
            environment = prepare(cluster, f"shop_{size}")
            with step(f"{size:,} orders"):
                fill(cluster.superuser_url(f"shop_{size}"), size, answers)
            log = folder / f"server-{size}.log"
            server = servers.serve(servers.LARDER, ONE_WORKER, environment, log)
            shops.append(Shop(size, stack.enter_context(server)))
        yield shops


def prepare(cluster: Cluster, name: str) -> dict[str, str]:
    """Makes a database and its tables; returns the server's environment."""
    with psycopg.connect(cluster.owner_url("postgres"), autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    environment = environment_for(cluster, name, ONE_WORKER)
    run([sys.executable, "manage.py", "prepare"], environment)
    return environment


def environment_for(cluster: Cluster, name: str, size: Size) -> dict[str, str]:
    """The environment of a server of that size, on that database of the cluster."""
    return environment_of(cluster, size) | {
        "DATABASE_URL": cluster.app_url(name),
        "OWNER_DATABASE_URL": cluster.owner_url(name),
    }


def fill(url: str, orders: int, answers: Answered) -> None:
    """Writes customers and orders, without checks of constraints: the rows keep all."""
    with filling(url) as connection:
        write_customers(connection, 1, 3 + orders // 50 + 1)
        give_keys(connection)
        with indexes_built_afterwards(connection, ('orders."order"', "orders.order_line"), answers):
            for first, last in parts(orders):
                # Written into the text: planned for a parameter, the division would be by anything.
                given = {"first": first, "last": last, "all": orders}
                connection.execute((FILL % given).encode())
                answers("orders", last, orders)


@contextmanager
def filling(url: str) -> Iterator[psycopg.Connection]:
    """A connection that writes rows as they are, without triggers and without looking at foreign
    keys; what was written is vacuumed, analysed and on disk when the block ends."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET maintenance_work_mem = '512MB'")
        yield connection
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def parts(rows: int) -> Iterator[tuple[int, int]]:
    """The first and the last number of each part of so many rows."""
    for first in range(1, rows + 1, PART):
        yield first, min(first + PART - 1, rows)


def write_customers(connection: psycopg.Connection, first: int, last: int) -> None:
    """Customers of these numbers, who cannot log in."""
    connection.execute(_CUSTOMERS, [first, last])


def give_keys(connection: psycopg.Connection) -> None:
    """Long-lived keys for the first three customers; the third is of the staff."""
    connection.execute(
        "UPDATE identity.customer SET is_staff = true, is_superuser = true WHERE id = 3"
    )
    for customer, key in KEYS.items():
        digest = hashlib.sha256(key.encode()).digest()
        connection.execute(_KEY, [customer, digest])


@contextmanager
def indexes_built_afterwards(
    connection: psycopg.Connection, tables: Sequence[str], answers: Answered
) -> Iterator[None]:
    """Takes the indexes of tables away, and those unique constraints nothing refers to, until the
    block ends: built at the end they take a tenth of the time."""
    found = connection.execute(_INDEXES, [list(tables)]).fetchall()
    for drop, _ in found:
        connection.execute(drop.encode())
    yield
    for number, (_, make) in enumerate(found, 1):
        connection.execute(make.encode())
        answers("indexes", number, len(found))


_CUSTOMERS = """
INSERT INTO identity.customer (id, public_id, username, password, email, first_name, last_name,
                               is_active, is_staff, is_superuser, may_order, version)
SELECT n, uuidv7(), 'customer ' || n, '!', '', '', '', true, false, false, true, 1
FROM generate_series(%s::bigint, %s::bigint) AS n
"""
_KEY = """
INSERT INTO identity.key (id, customer_id, name, digest, created_at)
VALUES (uuidv7(), %s, '', %s, now())
"""
_INDEXES = """
SELECT CASE WHEN conname IS NULL THEN format('DROP INDEX %%s', indexrelid::regclass)
            ELSE format('ALTER TABLE %%s DROP CONSTRAINT %%I', indrelid::regclass, conname) END,
       CASE WHEN conname IS NULL THEN pg_get_indexdef(indexrelid)
            ELSE format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', indrelid::regclass, conname,
                        pg_get_constraintdef(pg_constraint.oid)) END
FROM pg_index LEFT JOIN pg_constraint ON conindid = indexrelid AND conrelid = indrelid
WHERE indrelid = ANY(%s::text[]::regclass[]) AND NOT indisprimary
ORDER BY 1
"""
