"""Starts what is measured: a separate PostgreSQL, a filled shop, the server and a bare one."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks import pgbench, servers
from benchmarks.loads import LIST
from benchmarks.pgbench import Stock, Writes
from benchmarks.servers import Server, Size
from benchmarks.sessions import Sessions
from benchmarks.shop import PASSWORD, Shop
from tools.errors import LauncherError
from tools.local_postgres import Cluster
from tools.terminal import step

BARE_BYTES = "/bytes"
KEPT_LOG = {"min_wal_size": "2GB"}
"""As production has it (deploy/postgresql/postgresql.conf)."""
LOG_FILES = 96
DURABILITY = ("fsync", "synchronous_commit", "full_page_writes")
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH")


@dataclass(frozen=True, slots=True)
class Amount:
    """How much there is before anything is measured."""

    products: int = 1000
    customers: int = 200
    orders: int = 10_000


@dataclass(frozen=True, slots=True)
class Checkout:
    """Where Larder's code lies, and the Python that runs it."""

    folder: Path
    python: str

    def run(self, arguments: Sequence[str], environment: dict[str, str]) -> str:
        """Runs Python there to its end and returns what it printed. Raises LauncherError."""
        return run([self.python, *arguments], environment, self.folder)


HERE = Checkout(Path(__file__).resolve().parents[1], sys.executable)


@dataclass(frozen=True, slots=True)
class Installation:
    """Everything up and ready. `filled` orders were there before the first measurement."""

    folder: Path
    cluster: Cluster
    environment: dict[str, str]
    shop: Shop
    filled: int
    larder: Server
    bare_django: Server
    sessions: Sessions
    checkout: Checkout = HERE

    @property
    def stock(self) -> Stock:
        """The shop as pgbench sees it."""
        return stock_of(self.shop)


@contextmanager
def install(folder: Path, size: Size, amount: Amount) -> Iterator[Installation]:
    """Starts everything below `folder`; it ends with the block. Raises LauncherError."""
    with ExitStack() as stack:
        with step("PostgreSQL started, files of its log made"):
            cluster = stack.enter_context(running_cluster(folder))
        environment = environment_of(cluster, size)
        with step("Database prepared"):
            run([sys.executable, "manage.py", "prepare"], environment)
        with step(f"{amount.products} products, {amount.customers} customers"):
            shop = make_shop(environment, amount)
        with step(f"{amount.orders} earlier orders"):
            filled = fill(cluster, shop, amount.orders)

        def start(application: str, log: str, **extra: str) -> Server:
            own = environment | extra
            server = servers.serve(application, size, own, folder / f"{log}.log")
            return stack.enter_context(server)

        with step("Server ready, customers logged in"):
            larder = start(servers.LARDER, "larder")
            sessions = Sessions(larder.port, shop.usernames, PASSWORD, shop.cashier)
        with step("Bare server ready"):
            reply = keep_reply(folder, larder, sessions)
            bare_django = start(servers.BARE_DJANGO, "bare-django", BENCH_REPLY=str(reply))
        yield Installation(
            folder, cluster, environment, shop, filled, larder, bare_django, sessions
        )


@contextmanager
def running_cluster(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[Cluster]:
    """A PostgreSQL below `folder` as production has it, with every commit on disk before it is
    acknowledged. Raises LauncherError."""
    given = {**KEPT_LOG, **(settings or {})}
    with Cluster(folder / "postgresql", durable=True, settings=given) as cluster:
        check_durability(cluster)
        _use_the_log_once(cluster)
        yield cluster


def _use_the_log_once(cluster: Cluster) -> None:
    """A PostgreSQL that has been up for a while writes into files of its log that it has used
    before. In a new one each 16 MB begin with a file of zeros that a commit has to wait for: the
    p99 of orders from 64 customers was 75 ms then, and 42 without."""
    with psycopg.connect(cluster.superuser_url(), autocommit=True) as connection:
        for _ in range(LOG_FILES):
            connection.execute("SELECT pg_logical_emit_message(true, '', ''), pg_switch_wal()")
        connection.execute("CHECKPOINT")


def environment_of(cluster: Cluster, size: Size | None) -> dict[str, str]:
    """A production's settings and nothing of this terminal's; https ends at a proxy.

    Without a size there are as many processes, threads and connections as the code sees fit.
    """
    chosen = {} if size is None else _sizes(size)
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {
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
        **chosen,
    }


def _sizes(size: Size) -> dict[str, str]:
    return {"WORKERS": str(size.workers), "THREADS": str(size.threads), "DB_POOL_SIZE": "8"}


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


def run(command: list[str], environment: dict[str, str], folder: Path | None = None) -> str:
    """Runs a command to its end and returns what it printed. Raises LauncherError."""
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise LauncherError(f"{' '.join(command[1:])} failed:\n{done.stdout}{done.stderr}"[-3000:])
    return done.stdout


def make_shop(environment: dict[str, str], amount: Amount, checkout: Checkout = HERE) -> Shop:
    """Products and customers, made through Larder's services."""
    arguments = ["-m", "benchmarks.shop", str(amount.products), str(amount.customers)]
    made = json.loads(checkout.run(arguments, environment))
    names = ("products", "customers", "usernames", "cashier")
    shop = Shop(**{name: made[name] for name in names if name in made})
    for ids in (shop.products, shop.customers):
        if ids != list(range(ids[0], ids[0] + len(ids))):
            raise LauncherError("The ids that were made have gaps; pgbench counts on none.")
    return shop


def stock_of(shop: Shop) -> Stock:
    """The shop as pgbench sees it."""
    return Stock(shop.products[0], len(shop.products), shop.customers[0], len(shop.customers))


def fill(cluster: Cluster, shop: Shop, orders: int, checkout: Checkout = HERE) -> int:
    """Orders that were placed earlier: empty tables flatter, and are planned differently."""
    script = str(checkout.folder / "benchmarks" / "sql" / "order.sql")
    writes = Writes(script, cluster.app_url(), stock_of(shop), 8, 0, 0)
    placed = pgbench.fill(writes, orders)
    with psycopg.connect(cluster.superuser_url("larder"), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    return placed


def keep_reply(folder: Path, larder: Server, sessions: Sessions) -> Path:
    """Keep what the API answers, for the bare server; return the file. Raises LauncherError."""
    reply = folder / "reply.json"
    answer = servers.get(larder.port, LIST, sessions.tokens()[0])
    if answer.status != 200:
        raise LauncherError(f"GET {LIST} answered {answer.status}: {answer.body.decode()}")
    reply.write_bytes(answer.body)
    return reply
