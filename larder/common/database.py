"""The database as Larder uses it: a schema for each module, found through the role's search path.

Table names are plain. The search path belongs to the *role* (`ALTER ROLE … SET search_path`) and
not to the connection, because a start-up option would not pass PgBouncer.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.migrations.operations import RunSQL

SCHEMAS = ("common", "identity", "notifications", "catalog", "inventory", "orders")
SEARCH_PATH = ", ".join(("public", *SCHEMAS))


def rows(sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Runs one statement on the application's connection and returns all its rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if returns_rows(cursor) else []


def returns_rows(cursor: CursorWrapper) -> bool:
    """Whether the statement that was run has a result set."""
    return cursor.description is not None


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
