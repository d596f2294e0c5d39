"""The limit for orders: the same rows written by pgbench, without an application in between."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from benchmarks.measurement import Measurement, Meter, watch
from larder.local import programs

SCRIPT = Path(__file__).with_name("sql") / "order.sql"
THREADS = 2
ENVIRONMENT = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
}


@dataclass(frozen=True, slots=True)
class Stock:
    """What pgbench orders, and for whom: ids from `first` on, without gaps."""

    first: int
    products: int
    first_customer: int
    customers: int


@dataclass(frozen=True, slots=True)
class Writes:
    """A script whose transaction writes an order, as that role of that database, for some seconds,
    by `clients` connections."""

    url: str
    stock: Stock
    clients: int
    warm_up: float
    seconds: float
    script: Path = SCRIPT

    def command(self, *ending: str) -> list[str]:
        """pgbench's command line; `ending` says how long it runs."""
        variables = {
            "first": self.stock.first,
            "products": self.stock.products,
            "first_customer": self.stock.first_customer,
            "customers": self.stock.customers,
        }
        return [
            str(programs.program("pgbench")),
            *("--no-vacuum", "--protocol=prepared", f"--file={self.script}"),
            *(f"--client={self.clients}", f"--jobs={THREADS}"),
            *(f"--define={name}={value}" for name, value in variables.items()),
            *ending,
        ]

    def environment(self) -> dict[str, str]:
        """How pgbench connects; the password is not on its command line."""
        given = conninfo_to_dict(self.url)
        named = {ENVIRONMENT[key]: str(given[key]) for key in ENVIRONMENT if key in given}
        return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", **named}


def fill(writes: Writes, orders: int) -> int:
    """Places at least so many orders as fast as it can. Returns how many it placed."""
    each = -(-orders // writes.clients)
    command = writes.command(f"--transactions={each}")
    done = subprocess.run(
        command, env=writes.environment(), check=True, capture_output=True, text=True
    )
    return processed(done.stdout)


def measure(writes: Writes, meter: Meter) -> Measurement:
    """Runs the script and watches what it costs; the warm-up does not count."""
    with tempfile.TemporaryDirectory(prefix="larder-pgbench-") as folder:
        whole = int(writes.warm_up + writes.seconds) + 1
        ending = (f"--time={whole}", "--log", f"--log-prefix={folder}/log")
        used_before = _children_cpu()
        pgbench = subprocess.Popen(
            writes.command(*ending),
            env=writes.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        begin = time.time() + writes.warm_up
        usage = watch(meter, time.monotonic() + writes.warm_up, writes.seconds)
        printed, complaints = pgbench.communicate()
        transactions = logged(Path(folder))
        spent = (_children_cpu() - used_before) / max(len(transactions), 1)
    counted = [
        transaction.latency
        for transaction in transactions
        if begin <= transaction.ended_at <= begin + writes.seconds
    ]
    placed = processed(printed)
    failed = pgbench.returncode != 0 or not re.search(r"failed transactions: 0 ", printed)
    return Measurement(
        seconds=writes.seconds,
        latencies=sorted(counted),
        cpu=usage.with_generator(spent * len(counted)),
        sent=placed,
        orders=placed,
        failure=f"pgbench: {complaints.strip()[-500:]}" if failed else "",
    )


@dataclass(frozen=True, slots=True)
class Transaction:
    """A line of pgbench's log: Unix time of the end, seconds it took."""

    ended_at: float
    latency: float


def logged(folder: Path) -> list[Transaction]:
    """All transactions in the log files of a run.

    The columns: client, transaction, time in µs, script, end in seconds and µs.
    """
    lines = [line.split() for file in folder.iterdir() for line in file.read_text().splitlines()]
    return [
        Transaction(int(line[4]) + int(line[5]) / 1e6, int(line[2]) / 1e6)
        for line in lines
        if line[2] != "failed"
    ]


def processed(printed: str) -> int:
    """How many transactions pgbench says it has committed, those of the warm-up included."""
    found = re.search(r"actually processed: (\d+)", printed)
    return int(found[1]) if found else 0


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
