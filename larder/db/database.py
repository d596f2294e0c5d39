"""The database as Larder uses it: a schema for each module, found through the role's search path.

Table names are plain. The search path belongs to the *role* (`ALTER ROLE … SET search_path`) and
not to the connection, because a start-up option would not pass PgBouncer.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

import msgspec
from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.backends.postgresql.psycopg_any import Jsonb, get_adapters_template
from django.db.migrations.operations import RunSQL
from django_guid import get_guid
from psycopg.abc import Buffer
from psycopg.adapt import Loader

from larder.core import waits
from larder.db.postgresql.base import DatabaseWrapper, Reading
from larder.db.postgresql.errors import CommitUnknown

SCHEMAS = ("common", "identity", "notifications", "catalog", "inventory", "orders")
SEARCH_PATH = ", ".join(("public", *SCHEMAS))


_place: ContextVar[str] = ContextVar("place", default=DEFAULT_DB_ALIAS)


@contextmanager
def reading_from(alias: str) -> Iterator[None]:
    """Within the block this thread's statements and Django's own reads go to that database.

    Transactions and Django's writes go to the primary all the same.
    """
    token, wrapper = _place.set(alias), cast(DatabaseWrapper, connections[alias])
    is_nested, wrapper.is_read_from = wrapper.is_read_from, True
    try:
        yield
    finally:
        wrapper.is_read_from = is_nested
        _place.reset(token)


class Router:
    """Django's own reads (`DATABASE_ROUTERS`): where the statements of this module go."""

    def db_for_read(self, model: type[Any], **hints: Any) -> str:
        """The database of the present read."""
        return _place.get()

    def db_for_write(self, model: type[Any], **hints: Any) -> str:
        """The primary, also for what was read elsewhere."""
        return DEFAULT_DB_ALIAS

    def allow_relation(self, *objects: Any, **hints: Any) -> bool:
        """A replica's rows are the primary's."""
        return True


def rows(sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Runs one statement on the application's connection and returns all its rows.

    A list is an array, whose type the statement says (`%s::uuid[]`).
    """
    return ask(sql, parameters)()


def execute(sql: str, parameters: Sequence[Any] = ()) -> None:
    """Runs one statement that returns no rows on the application's connection."""
    ask(sql, parameters)


def ask(sql: str, parameters: Sequence[Any] = ()) -> Reading:
    """Runs one statement whose rows are read later; in a pipeline it is run then."""
    return _wrapper().ask(sql, _with_arrays(parameters))


def pipeline() -> AbstractContextManager[None]:
    """Within a transaction: the statements of this block go together.

    Each wait is a round trip, and under load the thread then waits for its turn to go on as well.
    So what is asked waits until the rows of one statement are read, or for the end of the block.
    All are carried out in the order they were asked in, each as it would be by itself, and what one
    raises is raised there.
    """
    return _wrapper().pipeline()


def _wrapper() -> DatabaseWrapper:
    return cast(DatabaseWrapper, connections[_place.get()])


def _with_arrays(parameters: Sequence[Any]) -> list[Any]:
    return [array(one) if isinstance(one, list) else one for one in parameters]


def array(values: Sequence[Any]) -> str:
    """An array as PostgreSQL reads it from text.

    psycopg looks for the type of each element and quotes each in Python: an order has thirty
    arrays, and they took a tenth of what placing it costs. Where JSON's elements read the same,
    they are written in one go.

    >>> array([1, None]), array([1, None, "a \\"word\\""])
    ('{1,null}', '{1,NULL,"a \\\\"word\\\\""}')
    """
    if _AS_IN_JSON.issuperset(map(type, values)):
        written = _JSON.encode(values)
        if b"\\" not in written:
            return "{" + written[1:-1].decode() + "}"
    return "{" + ",".join([_ELEMENT.get(type(one), _quoted)(one) for one in values]) + "}"


_JSON = msgspec.json.Encoder()
_AS_IN_JSON = frozenset({int, str, Decimal, UUID, type(None)})
"""But for a text with a backslash in JSON, which stands for something else in an array."""


def _quoted(value: object) -> str:
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


_ELEMENT: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "NULL",
    **dict.fromkeys((int, Decimal, UUID), str),
    bytes: lambda value: f'"\\\\x{value.hex()}"',
    datetime: datetime.isoformat,
    Jsonb: lambda value: _quoted(json.dumps(value.obj)),
}


SNAPSHOT = """
SELECT concat_ws('.', pg_current_snapshot(), checkpoint_lsn, timeline_id)
FROM pg_control_checkpoint()
"""


def snapshot() -> str:
    """Which transactions are visible now: while it reads the same, nothing was committed.

    The last checkpoint is part of it, for recovery ends with one: after a crash the ids of
    transactions that were rolled back are given out again, and a snapshot alone could read as
    one from before. Of the primary only: a replica's snapshot names no open transactions, and reads
    the same before and after one of them commits.
    """
    ((now,),) = rows(SNAPSHOT)
    return str(now)


def release() -> None:
    """Gives the thread's connections back to the pool, between two statements that may be far
    apart. Inside a transaction it does nothing."""
    waits.release()


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


def is_writable() -> bool:
    """Whether the primary accepts writes. If it does not, no connection to it is used again: it
    may be a former primary, or a standby that is not promoted yet."""
    ((is_read_only,),) = rows("SELECT current_setting('transaction_read_only')::boolean")
    if is_read_only:
        _wrapper().drop_read_only()
    return not is_read_only


_LIMIT = "SELECT set_config('lock_timeout', %s, true)"
_TELL = "SELECT set_config('application_name', %s, true)"
_BOTH = f"{_LIMIT}, {_TELL.removeprefix('SELECT ')}"


def limit_lock_wait(seconds: float) -> None:
    """Within this transaction, waits for any lock no longer than so; and tells whose it is."""
    limit, name = f"{seconds * 1000:.0f}", _name_of_request()
    if name is None:
        execute(_LIMIT, [limit])
    else:
        execute(_BOTH, [limit, name])


def tell_whose() -> None:
    """The database's views and log name this transaction's request or job, as long as it lasts,
    in place of the application: its statements are kept, so that their text is everybody's."""
    if (name := _name_of_request()) is not None:
        execute(_TELL, [name])


def _name_of_request() -> str | None:
    """None where there is none, or statements carry it (postgresql/comments.py)."""
    correlation_id = None if _wrapper().prepares_nothing else get_guid()
    return f"correlation_id={correlation_id}" if correlation_id else None


def undid(error: Exception) -> bool:
    """Whether nothing is left of a transaction that ended with this.

    Without a word of the server, or when it says that it ends, what was asked for last may have
    been done: it may have been the commit. Source: PostgreSQL's appendix of error codes.
    """
    if not isinstance(error, Error):
        return True
    if isinstance(error, CommitUnknown):
        return False
    state = sqlstate(error)
    return (state[:2] in {"22", "23", "40", "55"} and state != "40003") or state == "57014"


LOCK_NOT_AVAILABLE = "55P03"


def sqlstate(error: Exception) -> str:
    """What the server says has happened, in its five characters; empty if it said nothing."""
    return getattr(error.__cause__, "sqlstate", None) or ""


def is_lock_timeout(error: object) -> bool:
    """Returns whether a lock was not available within the limit of the wait (`lock_timeout`)."""
    return isinstance(error, Error) and sqlstate(error) == LOCK_NOT_AVAILABLE


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
