"""The invariants, checked in the tables: nothing is oversold, lost or duplicated.

The services keep them; this checks the result. What a constraint or a unique index of the database
keeps is not among them: amcheck checks the indexes. There is no automatic repair: a person must
first understand how a violation happened.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from larder.db import database
from larder.ops.books import Invariant, orders, stock

MOST_SHOWN = 20
"""Rows of a violated invariant that a report shows. All are counted."""

SESSION = """
SET LOCAL statement_timeout = '15min';
SET LOCAL enable_seqscan = on;
SET LOCAL work_mem = '64MB';
SET LOCAL enable_nestloop = off
"""
"""The server's role has a limit of ten seconds for a statement, too short for the ledger of a large
shop. The hash tables of some hundred thousand orders fit into this memory. Tables that grew fast
have outdated statistics, and a nested loop chosen by those would take hours."""

EXTENT = """
SELECT json_build_object(
    'product', (SELECT count(*) FROM product),
    'ledger_entry', (SELECT count(*) FROM ledger_entry),
    'order', (SELECT count(*) FROM "order"),
    'order_line', (SELECT count(*) FROM order_line)
)::text
"""
"""The number of checked rows: in an empty database all invariants hold."""

INVARIANTS = (*stock.INVARIANTS, *orders.INVARIANTS)


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one invariant: the number of rows that violate it, and the first of them.
    Amounts in the rows are strings."""

    invariant: Invariant
    violations: int
    rows: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Report:
    """All findings, in the order of INVARIANTS, of one snapshot, and the number of checked rows by
    table."""

    looked_at: dict[str, int]
    findings: Sequence[Finding]

    @property
    def violated(self) -> list[Finding]:
        """The invariants that do not hold."""
        return [finding for finding in self.findings if finding.violations]


def check() -> Report:
    """Checks all invariants in one snapshot, without writes and locks.

    Orders are placed meanwhile. Must not be called in a transaction.
    """
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute(SESSION)
        database.lift_time_limit()
        return examine(cursor)


def examine(cursor: Any) -> Report:
    """Checks all invariants in the transaction of a cursor, of Django or of psycopg."""
    cursor.execute(EXTENT)
    ((looked_at,),) = cursor.fetchall()
    findings = [_look(cursor, invariant) for invariant in INVARIANTS]
    return Report(json.loads(looked_at), findings)


def _look(cursor: Any, invariant: Invariant) -> Finding:
    counted = "SELECT count(*) OVER (), to_jsonb(violation)::text"
    cursor.execute(f"{counted} FROM ({invariant.violations}) AS violation LIMIT {MOST_SHOWN}")
    rows = cursor.fetchall()
    shown = [json.loads(row, parse_float=str) for _, row in rows]
    return Finding(invariant, rows[0][0] if rows else 0, shown)
