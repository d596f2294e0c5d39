"""Runs SQL on the application's database, and defines its schemas: one for each module.

SQL uses table names without a schema. The search path belongs to the *role* (`ALTER ROLE … SET
search_path`) and not to the connection, because PgBouncer does not pass on a start-up option.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from decimal import Decimal
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import msgspec
from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.migrations.operations import RunSQL

from larder.core import waits
from larder.db import sql
from larder.db.errors import CommitUnknown
from larder.db.postgresql.base import DatabaseWrapper, Reading, has_something_to_read
from larder.db.postgresql.connection import Parameters

SCHEMAS = ("common", "identity", "notifications", "catalog", "inventory", "orders")
SEARCH_PATH = ", ".join(("public", *SCHEMAS))


_place: ContextVar[str] = ContextVar("place", default=DEFAULT_DB_ALIAS)


@contextmanager
def reading_from(alias: str) -> Iterator[None]:
    """Sends this thread's statements and Django's own reads to that database within the block.

    Transactions and Django's writes still go to the primary.
    """
    token, wrapper = _place.set(alias), cast(DatabaseWrapper, connections[alias])
    is_nested, wrapper.is_read_from = wrapper.is_read_from, True
    try:
        yield
    finally:
        wrapper.is_read_from = is_nested
        _place.reset(token)


@contextmanager
def answers_within(seconds: float) -> Iterator[None]:
    """Limits each wait for an answer on the current connection to `seconds` within the block. A
    timeout closes the connection and raises OperationalError."""
    wrapper = _wrapper()
    wrapper.ensure_connection()
    connection, wrapper.connection.longest = wrapper.connection, seconds
    try:
        yield
    finally:
        del connection.longest


OWNER = "owner"
"""The connection of migrations (larder/config/settings.py)."""


class Router:
    """Sends Django's own reads (`DATABASE_ROUTERS`) where the statements of this module go."""

    def db_for_read(self, model: type[Any], **hints: Any) -> str:
        """Returns the database of the current read."""
        return _place.get()

    def db_for_write(self, model: type[Any], **hints: Any) -> str:
        """Returns the primary, also for rows that a replica returned. A migration writes its rows
        on the connection of the owner, in its transaction."""
        row = hints.get("instance")
        return OWNER if row is not None and row._state.db == OWNER else DEFAULT_DB_ALIAS


def rows(sql: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
    """Runs one statement on the application's connection and returns all its rows.

    A list is passed as an array. The statement names its type (`%s::uuid[]`). Statements with more
    than a few parameters name them: `%(name)s` of a dictionary.
    """
    return submit(sql, parameters)()


def execute(sql: str, parameters: Parameters = ()) -> None:
    """Runs one statement that returns no rows on the application's connection."""
    submit(sql, parameters)


def submit(sql: str, parameters: Parameters = ()) -> Reading:
    """Submits one statement and returns a function that waits for its rows. Outside of a pipeline
    it runs at once."""
    return _wrapper().submit(sql, _with_arrays(parameters))


def pipeline() -> AbstractContextManager[None]:
    """Sends the statements of this block, in order, when the rows of one of them are read, or at
    the end of the block. An error is raised there. Must run within a transaction."""
    return _wrapper().pipeline()


def _wrapper() -> DatabaseWrapper:
    return cast(DatabaseWrapper, connections[_place.get()])


def _with_arrays(parameters: Parameters) -> Parameters:
    if isinstance(parameters, dict):
        return dict(zip(parameters, _with_arrays([*parameters.values()]), strict=True))
    return [array(value) if isinstance(value, list) else value for value in parameters]


def array(values: list[Any]) -> str | list[Any]:
    """Returns the text form of a PostgreSQL array, where it can be made in one call: psycopg, which
    quotes each element in Python, took a tenth of the cost of placing an order. Otherwise returns
    the list.

    >>> array([1, None]), array([1, "a \\"word\\""])
    ('{1,null}', [1, 'a "word"'])
    """
    if _AS_IN_JSON.issuperset(map(type, values)):
        written = _JSON.encode(values)
        if b"\\" not in written:
            return "{" + written[1:-1].decode() + "}"
    return values


_JSON = msgspec.json.Encoder()
_AS_IN_JSON = frozenset({int, str, Decimal, UUID, type(None)})
"""Types whose JSON form is PostgreSQL's form, except for texts whose JSON contains a backslash."""


def snapshot() -> str:
    """Returns which transactions are visible now. Two equal results mean: no commit in between.

    Includes the last checkpoint, because a crash gives the ids of rolled back transactions again.
    Valid only on the primary: a replica's snapshot does not list open transactions.
    """
    ((now,),) = rows(sql.SNAPSHOT)
    return str(now)


def release() -> None:
    """Gives the thread's connections back to the pool. Called between two statements that may be
    far apart. Inside a transaction it does nothing."""
    waits.release()


def release_if_lost() -> None:
    """Gives the connection of a thread that kept it while it did nothing back, if the server may
    have closed it meanwhile: the pool then checks the next one."""
    wrapper = _wrapper()
    if wrapper.connection is not None and has_something_to_read(wrapper.connection):
        release()


def lift_time_limit() -> None:
    """Removes the time limit of the current transaction. Its statements keep theirs.

    If the transaction writes, all readers of the feeds lag behind until it ends.
    """
    rows(sql.LIFT_TIME_LIMIT)


def has_committed() -> bool:
    """Returns whether a transaction was committed for the request of this thread. If the database
    fails after it, the answer must not say that nothing was done."""
    return cast(DatabaseWrapper, connections[DEFAULT_DB_ALIAS]).has_committed


def note_committed(*, committed: bool = True) -> None:
    """Sets what `has_committed` returns: when a request begins, and after a commit in another
    thread that was for this request too."""
    cast(DatabaseWrapper, connections[DEFAULT_DB_ALIAS]).has_committed = committed


def is_writable() -> bool:
    """Whether the primary accepts writes. If it does not, closes all connections to it: it may be
    a former primary, or a standby that is not promoted yet."""
    ((is_read_only,),) = rows(sql.IS_READ_ONLY)
    if is_read_only:
        _wrapper().drop_read_only()
    return not is_read_only


def limit_lock_wait(seconds: float) -> None:
    """Sets `lock_timeout` for this transaction."""
    execute(sql.LIMIT_LOCK_WAIT, [f"{seconds * 1000:.0f}"])


def was_rolled_back(error: Exception) -> bool:
    """Returns whether a transaction that ended with this error was certainly rolled back. Without
    an SQLSTATE, or with one of a server that stops, its commit may have succeeded."""
    if not isinstance(error, Error):
        return True
    if isinstance(error, CommitUnknown):
        return False
    state = sqlstate(error)
    return (state[:2] in {"22", "23", "40", "55"} and state != "40003") or state == "57014"


LOCK_NOT_AVAILABLE = "55P03"


def sqlstate(error: Exception) -> str:
    """Returns the SQLSTATE that the server sent, five characters; empty if it sent none."""
    return getattr(error.__cause__, "sqlstate", None) or ""


def is_lock_timeout(error: object) -> bool:
    """Returns whether a lock was not available within the limit of the wait (`lock_timeout`)."""
    return isinstance(error, Error) and sqlstate(error) == LOCK_NOT_AVAILABLE


def columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    """Returns the columns of the rows, as `unnest` takes them. Assumes at least one row."""
    return [list(column) for column in zip(*rows, strict=True)]


def make_schemas() -> RunSQL:
    """Returns the step that creates the schemas, in the search path of the migrating role."""
    create = "".join(f"CREATE SCHEMA IF NOT EXISTS {schema};" for schema in SCHEMAS)
    own_path = (
        "DO $$ BEGIN EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I SET search_path = "
        f"{SEARCH_PATH}', current_database()); END $$;"
    )
    return RunSQL(
        f"{create}{own_path}SET search_path = {SEARCH_PATH};",
        f"DROP SCHEMA {', '.join(SCHEMAS)};",
    )


def run_file(migration: str, name: str) -> RunSQL:
    """Returns the migration step that runs the SQL of a file beside the migration. Undone, it drops
    the functions of the file, with their triggers; settings of tables go with the tables."""
    text = Path(migration).with_name(name).read_text()
    functions = re.findall(r"^CREATE FUNCTION ([\w.]+)", text, re.MULTILINE)
    return RunSQL(text, "".join(f"DROP FUNCTION {function} CASCADE;" for function in functions))


def move_to_schema(schema: str, *tables: str) -> RunSQL:
    """Returns the step that moves new tables to the schema of their module."""
    return RunSQL(
        "".join(f'ALTER TABLE "{table}" SET SCHEMA {schema};' for table in tables),
        "".join(f'ALTER TABLE {schema}."{table}" SET SCHEMA public;' for table in tables),
    )
