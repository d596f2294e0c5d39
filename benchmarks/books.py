"""The proof that the fast answers were right: what was acknowledged is what is in the tables."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import psycopg

from benchmarks.installation import HERE, Checkout
from benchmarks.measurement import Measurement
from benchmarks.shop import STOCK
from tools.local_postgres import Cluster

COUNT = """
SELECT count(*) FILTER (WHERE reference <> 'pgbench'),
       count(*) FILTER (WHERE reference = 'pgbench'),
       (SELECT coalesce(sum(quantity), 0) FROM order_line JOIN "order" ON "order".id = order_id
        WHERE reference <> 'pgbench'),
       (SELECT coalesce(sum(quantity), 0) FROM order_line)
FROM "order"
"""
SHELF = "SELECT sum(%s - available), min(available) FROM stock"


@dataclass(frozen=True, slots=True)
class Books:
    """Orders and units as they were acknowledged and as the tables have them.

    `taken` is what all stock rows together lost, `sold` what all order lines together say.
    `invariants` is what `manage.py check_invariants` says: empty when all hold.
    """

    acknowledged: int
    placed: int
    acknowledged_units: int
    placed_units: int
    pgbench_reported: int
    pgbench_placed: int
    taken: int
    sold: int
    least_available: int
    invariants: str

    @property
    def faults(self) -> list[str]:
        """What is wrong, in sentences; nothing when the books balance."""
        pairs = [
            ("orders were acknowledged, in the tables are", self.acknowledged, self.placed),
            ("units were acknowledged, sold were", self.acknowledged_units, self.placed_units),
            (
                "orders were pgbench's, in the tables are",
                self.pgbench_reported,
                self.pgbench_placed,
            ),
            ("units left the shelf, sold were", self.taken, self.sold),
        ]
        found = [f"{one} {what} {other}." for what, one, other in pairs if one != other]
        if self.least_available < 0:
            found.append(f"A product has {self.least_available} units available.")
        return [*found, *([self.invariants] if self.invariants else [])]


class Site(Protocol):
    """Where the tables are, the code that knows what must hold in them, and how many orders
    pgbench had `filled` in before the first measurement."""

    @property
    def cluster(self) -> Cluster: ...

    @property
    def checkout(self) -> Checkout: ...

    @property
    def environment(self) -> dict[str, str]: ...

    @property
    def filled(self) -> int: ...


def audit(site: Site, orders: Sequence[Measurement], pgbench: Sequence[Measurement]) -> Books:
    """Looks at the tables once everything has ended."""
    with psycopg.connect(site.cluster.app_url()) as connection:
        connection.execute("SET statement_timeout = '60s'")
        placed, pgbench_placed, placed_units, sold = _row(connection, COUNT)
        taken, least = _row(connection, SHELF, STOCK)
    return Books(
        acknowledged=sum(one.orders for one in orders),
        placed=placed,
        acknowledged_units=sum(one.units for one in orders),
        placed_units=placed_units,
        pgbench_reported=site.filled + sum(one.orders for one in pgbench),
        pgbench_placed=pgbench_placed,
        taken=taken,
        sold=sold,
        least_available=least,
        invariants=check_invariants(site.environment, site.checkout),
    )


def _row(connection: psycopg.Connection, statement: str, *parameters: int) -> tuple[int, ...]:
    row = connection.execute(statement, parameters).fetchone()
    return tuple(int(value) for value in row or ())


def check_invariants(environment: dict[str, str], checkout: Checkout = HERE) -> str:
    """Empty when `manage.py check_invariants` finds nothing, otherwise what it found."""
    command = [checkout.python, "manage.py", "check_invariants", "--format", "json"]
    done = subprocess.run(
        command,
        env=environment,
        cwd=checkout.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0 and json.loads(done.stdout)["ok"]:
        return ""
    return f"check_invariants ended with status {done.returncode}: {done.stdout}{done.stderr}"
