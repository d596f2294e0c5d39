"""Starts what is measured: a PostgreSQL, a filled shop, the server, customers who are logged in."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks import pgbench
from benchmarks.pgbench import Stock, Writes
from benchmarks.sessions import Sessions
from benchmarks.shop import PASSWORD, Shop
from larder.local.postgresql import Cluster
from larder.local.processes import Kept
from larder.local.terminal import LauncherError, step
from larder.ops.serve import COUNTS
from tools.http_client import Client
from tools.processes import free_port

KEPT_LOG = {"min_wal_size": "2GB"}
"""As production has it (deploy/postgresql/postgresql.conf)."""
LOG_FILES = 96
DURABILITY = ("fsync", "synchronous_commit", "full_page_writes")
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH")
CHOSEN = ("WORKERS", "THREADS", "DB_POOL_SIZE")
"""Settings that are taken from the environment if they are there."""
SERVER_COMMAND = """
import json, os
from larder.ops.serve import command, from_environment
print(json.dumps(command(from_environment(os.environ))))
"""
READY_SECONDS = 60.0
SHOWN_LINES = 15


@dataclass(frozen=True, slots=True)
class Amount:
    """How much there is before anything is measured."""

    products: int = 1000
    customers: int = 200
    orders: int = 10_000


SMALL = Amount(customers=50, orders=2_000)


@dataclass(frozen=True, slots=True)
class Checkout:
    """Where Larder's code lies, and the Python that runs it."""

    folder: Path
    python: str

    def run(self, arguments: Sequence[str], environment: dict[str, str]) -> str:
        """Runs Python there to its end and returns what it printed. Raises LauncherError."""
        done = subprocess.run(
            [self.python, *arguments],
            env=environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = f"{' '.join(arguments)} failed:\n{done.stdout}{done.stderr}"
            raise LauncherError(said[-3000:])
        return done.stdout


HERE = Checkout(Path(__file__).resolve().parents[1], sys.executable)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its port, and the process id of the root of its tree."""

    port: int
    pid: int


@dataclass(frozen=True, slots=True)
class Installation:
    """Everything up and ready. `filled` orders were there before the first measurement."""

    checkout: Checkout
    cluster: Cluster
    environment: dict[str, str]
    shop: Shop
    filled: int
    larder: Server
    sessions: Sessions

    @property
    def stock(self) -> Stock:
        """The shop as pgbench sees it."""
        return stock_of(self.shop)


@contextmanager
def install(folder: Path, amount: Amount, checkout: Checkout = HERE) -> Iterator[Installation]:
    """Starts everything below `folder`; it ends with the block. Raises LauncherError."""
    with step("PostgreSQL started, files of its log made"):
        cluster = Cluster(folder / "postgresql", durable=True, settings=KEPT_LOG)
        cluster.start()
    with cluster:
        check_durability(cluster)
        _use_the_log_once(cluster)
        environment = environment_of(cluster)
        with step("Database prepared"):
            checkout.run(["manage.py", "prepare"], environment)
        with step(f"{amount.products} products, {amount.customers} customers"):
            shop = make_shop(environment, amount, checkout)
        with step(f"{amount.orders} earlier orders"):
            filled = fill(cluster, shop, amount.orders, checkout)
        with serve(folder, environment, checkout) as larder:
            sessions = Sessions(larder.port, shop.usernames, PASSWORD, shop.cashier)
            yield Installation(checkout, cluster, environment, shop, filled, larder, sessions)


def _use_the_log_once(cluster: Cluster) -> None:
    """A PostgreSQL that has been up for a while writes into files of its log that it has used
    before. In a new one each 16 MB begin with a file of zeros that a commit has to wait for: the
    p99 of orders from 64 customers was 75 ms then, and 42 without."""
    with psycopg.connect(cluster.superuser_url(), autocommit=True) as connection:
        for _ in range(LOG_FILES):
            connection.execute("SELECT pg_logical_emit_message(true, '', ''), pg_switch_wal()")
        connection.execute("CHECKPOINT")


def environment_of(cluster: Cluster) -> dict[str, str]:
    """A production's settings and nothing else of this terminal's; https ends at a proxy."""
    return {name: os.environ[name] for name in (*PASSED_ON, *CHOSEN) if name in os.environ} | {
        "DATABASE_URL": cluster.app_url(),
        "OWNER_DATABASE_URL": cluster.owner_url(),
        "SECRET_KEY": secrets.token_urlsafe(64),
        "ALLOWED_HOSTS": "127.0.0.1",
        "TRUSTED_PROXIES": "127.0.0.1",
        "REGISTRATION": "closed",
        # A few customers order all the time. A wide quota costs as much as one that is used up.
        "QUOTA_ORDERS": "1000000/hour",
        # Its cost grows with the orders of a customer in a day: here each has thousands.
        "QUOTA_UNPAID_UNITS": "0",
        "PYTHONWARNINGS": "ignore",
        # As `make run` has it: what a log-in's hash takes goes back to the system.
        "MALLOC_MMAP_THRESHOLD_": str(1 << 20),
    }


def durability(cluster: Cluster) -> dict[str, str]:
    """What PostgreSQL itself says of the settings that a commit's safety hangs on."""
    with psycopg.connect(cluster.app_url()) as connection:
        said = {name: connection.execute(f"SHOW {name}").fetchone() for name in DURABILITY}
    return {name: str(row[0]) for name, row in said.items() if row is not None}


def check_durability(cluster: Cluster) -> None:
    """Raises LauncherError unless a commit is on disk before it is acknowledged."""
    with psycopg.connect(cluster.superuser_url()) as connection:
        said = [connection.execute(f"SHOW {name}").fetchone() for name in DURABILITY]
    if said != [("on",)] * len(DURABILITY):
        raise LauncherError(f"PostgreSQL is not durable: {DURABILITY} are {said}.")


def make_shop(environment: dict[str, str], amount: Amount, checkout: Checkout) -> Shop:
    """Products and customers, made through Larder's services."""
    arguments = ["-m", "benchmarks.shop", str(amount.products), str(amount.customers)]
    shop = Shop(**json.loads(checkout.run(arguments, environment)))
    for ids in (shop.products, shop.customers):
        if ids != list(range(ids[0], ids[0] + len(ids))):
            raise LauncherError("The ids that were made have gaps; pgbench counts on none.")
    return shop


def stock_of(shop: Shop) -> Stock:
    """The shop as pgbench sees it."""
    return Stock(shop.products[0], len(shop.products), shop.customers[0], len(shop.customers))


def fill(cluster: Cluster, shop: Shop, orders: int, checkout: Checkout) -> int:
    """Orders that were placed earlier: empty tables flatter, and are planned differently."""
    script = checkout.folder / "benchmarks" / "sql" / "order.sql"
    filled = pgbench.fill(Writes(cluster.app_url(), stock_of(shop), 8, 0, 0, script), orders)
    with psycopg.connect(cluster.superuser_url("larder"), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    return filled


@contextmanager
def serve(folder: Path, environment: dict[str, str], checkout: Checkout) -> Iterator[Server]:
    """Runs the server as `make run` of the checkout starts it, until the block ends.

    Raises LauncherError, with the end of the log, if nothing answers at its port.
    """
    port, log, shared = free_port(), folder / "larder.log", folder / "shared"
    own = environment | {"PORT": str(port)}
    command = json.loads(checkout.run(["-c", SERVER_COMMAND], own))
    shutil.rmtree(shared, ignore_errors=True)
    shared.mkdir()
    with (
        log.open("wb") as output,
        Kept(
            command,
            environment=environment | {COUNTS: str(shared)},
            output=output,
            folder=checkout.folder,
        ) as kept,
    ):
        client, deadline = Client(port), time.monotonic() + READY_SECONDS
        while client.attempt("GET", "/livez").status != 200:
            if time.monotonic() > deadline or kept.status is not None:
                end = "\n".join(log.read_text(errors="replace").splitlines()[-SHOWN_LINES:])
                raise LauncherError(f"The server did not come up. The end of its log:\n{end}")
            time.sleep(0.01)
        yield Server(port, kept.pid)
