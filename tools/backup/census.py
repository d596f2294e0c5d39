"""How many rows each table has, and a sum over their content: what a copy is held against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import psycopg
from psycopg import sql

Census = Mapping[str, tuple[int, str]]
"""By table: its rows, and the sum of the hashes of their text, in whatever order they come."""

# How values are written as text must not depend on who asks.
_AS_TEXT = {
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "statement_timeout": "0",
}
_TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
ORDER BY 1, 2
"""
_COUNT = """
SELECT count(*), coalesce(sum(hashtextextended(row::text, 0)::numeric), 0)::text FROM {} AS row
"""


def take(connection: psycopg.Connection) -> Census:
    """Look at every row of every table, in the transaction that the connection is in."""
    for name, value in _AS_TEXT.items():
        connection.execute("SELECT set_config(%s, %s, true)", [name, value])
    tables = connection.execute(_TABLES).fetchall()
    return {f"{schema}.{table}": count(connection, schema, table) for schema, table in tables}


def count(connection: psycopg.Connection, schema: str, table: str) -> tuple[int, str]:
    """One table."""
    row = connection.execute(sql.SQL(_COUNT).format(sql.Identifier(schema, table))).fetchone()
    assert row is not None  # noqa: S101 - an aggregate has a row
    return row[0], row[1]


def differences(wanted: Census, found: Census) -> Iterator[str]:
    """Yield a sentence for each table that is not the same."""
    for table in sorted({*wanted, *found}):
        if table not in found:
            yield f"{table} is missing."
        elif table not in wanted:
            yield f"{table} is too much."
        elif wanted[table][0] != found[table][0]:
            yield f"{table} has {found[table][0]} rows, not {wanted[table][0]}."
        elif wanted[table][1] != found[table][1]:
            yield f"{table} has other content."
