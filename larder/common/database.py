"""The database as Larder uses it: a schema for each module, found through the role's search path.

Table names are plain. The search path belongs to the *role* (`ALTER ROLE … SET search_path`) and
not to the connection, because a start-up option would not pass PgBouncer.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.backends.postgresql.psycopg_any import get_adapters_template
from django.db.migrations.operations import RunSQL
from psycopg.abc import Buffer
from psycopg.adapt import Loader

SCHEMAS = ("common", "identity", "notifications", "catalog", "inventory", "orders")
SEARCH_PATH = ", ".join(("public", *SCHEMAS))


def rows(sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Runs one statement on the application's connection and returns all its rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def execute(sql: str, parameters: Sequence[Any] = ()) -> None:
    """Runs one statement that returns no rows on the application's connection."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def release() -> None:
    """Gives the connection back to the pool, between two readings that may be far apart.

    Inside a transaction it does nothing.
    """
    if not connection.in_atomic_block:
        connection.close()


LIFT_TIME_LIMIT = """
SELECT set_config('transaction_timeout', '0', true) FROM pg_settings
WHERE name = 'transaction_timeout'
"""
"""For this transaction only. PostgreSQL before 17 has no such limit."""


def lift_time_limit() -> None:
    """Lets the transaction that has begun take as long as it needs; its statements do not.

    Whoever writes in it holds all readers of the feeds back so long.
    """
    rows(LIFT_TIME_LIMIT)


def columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    """Rows turned into columns: what `unnest` takes. There must be at least one row."""
    return [list(column) for column in zip(*rows, strict=True)]


class _UtcLoader(Loader):
    """Reads a timestamptz of a UTC session: `2026-01-02 03:04:05.678+00`."""

    timezone = UTC

    def load(self, value: Buffer) -> datetime:
        return datetime.fromisoformat(bytes(value).decode())


def load_timestamps_fast() -> None:
    """Has psycopg read timestamps with one call of C.

    Django's own loader is a subclass of psycopg's one in pure Python: 3.4 µs a value, 72 µs for
    a page of twenty products, half of what the query takes. `timezone` must be there, because
    Django compares it with the connection's.
    """
    template = get_adapters_template(True, UTC)  # noqa: FBT003
    template.register_loader("timestamptz", _UtcLoader)


def make_schemas() -> RunSQL:
    """The migration step that makes the schemas and lets the migrating role find them."""
    create = "".join(f"CREATE SCHEMA IF NOT EXISTS {schema};" for schema in SCHEMAS)
    own_path = (
        "DO $$ BEGIN EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I SET search_path = "
        f"{SEARCH_PATH}', current_database()); END $$;"
    )
    drop = "".join(f"DROP SCHEMA IF EXISTS {schema};" for schema in SCHEMAS)
    return RunSQL(f"{create}{own_path}SET search_path = {SEARCH_PATH};", drop)


def move_to_schema(schema: str, *tables: str) -> RunSQL:
    """The migration step that moves new tables, with their indexes and sequences, home."""
    forwards = "".join(f'ALTER TABLE "{table}" SET SCHEMA {schema};' for table in tables)
    backwards = "".join(f'ALTER TABLE "{table}" SET SCHEMA public;' for table in tables)
    return RunSQL(forwards, backwards)
