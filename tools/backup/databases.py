"""Databases of one server by their names: made, looked into, renamed."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from larder.local.terminal import LauncherError

MAINTENANCE = "postgres"
RESTORED = "_restored"
"""After the name of a database, in that of the copy in which a backup of it is proved."""
MADE_HERE = "A copy of all data that tools.backup made to prove a backup; it may be dropped."
TIMEOUT = 10.0
"""Seconds until the sessions of a copy have noticed that its program ended."""
_TABLES = """
SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
"""
_OTHERS = """
SELECT DISTINCT coalesce(usename, '') || ' (' || coalesce(nullif(application_name, ''), '?') || ')'
FROM pg_stat_activity
WHERE datname = %s AND pid <> pg_backend_pid() AND usename IS NOT NULL
"""
_MARK = """
SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s
"""
_CLAIM = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"
# Only a superuser sees the kind of others' sessions; PostgreSQL's own have no user.


def name_in(url: str) -> str:
    """Return the database a connection string names."""
    return str(conninfo_to_dict(url).get("dbname") or "")


def elsewhere(url: str, name: str) -> str:
    """Return the same connection to another database of the server, as keywords and values.

    To change an address as text, one would have to know all the places where libpq looks for
    the database: in `postgresql://server/one?dbname=two` it is two.
    """
    return make_conninfo(url, dbname=name)


def tables(url: str) -> int:
    """Count the tables that are not PostgreSQL's own."""
    with psycopg.connect(url) as connection:
        row = connection.execute(_TABLES).fetchone()
    return int(row[0]) if row else 0


def visitors(url: str) -> list[str]:
    """Return the other sessions of the database."""
    with psycopg.connect(elsewhere(url, MAINTENANCE)) as connection:
        return [row[0] for row in connection.execute(_OTHERS, [name_in(url)])]


def make(url: str, name: str) -> None:
    """Make an empty database, marked as made here. Raises LauncherError where the role may not."""
    try:
        command(url, "CREATE DATABASE {} TEMPLATE template0", name)
    except psycopg.errors.InsufficientPrivilege:
        raise LauncherError(
            f"Role {conninfo_to_dict(url).get('user')} may not make databases, and a restore is "
            "proved in a separate one first. Run ALTER ROLE … CREATEDB."
        ) from None
    command(url, f"COMMENT ON DATABASE {{}} IS '{MADE_HERE}'", name)


@contextmanager
def copy_of(url: str) -> Iterator[str]:
    """Give the name of a new database, empty, beside that of the address; it is dropped if the
    block fails.

    What a killed run left is dropped first. Raises LauncherError if another run is at work, or a
    database of that name was not made here.
    """
    name = name_in(url) + RESTORED
    with psycopg.connect(elsewhere(url, MAINTENANCE), autocommit=True) as connection:
        # PostgreSQL releases the lock with this session, however this process ends.
        if connection.execute(_CLAIM, [name]).fetchone() != (True,):
            raise LauncherError(f"Another process restores into {name}: wait for its end.")
        if connection.execute(_MARK, [name]).fetchone() not in {None, (MADE_HERE,)}:
            raise LauncherError(f"Database {name} is in the way: rename it or drop it.")
        drop_forcibly(url, name)
        try:
            make(url, name)
            yield name
        except BaseException as error:
            # What was interrupted keeps its connection open as long as its frames are kept, and
            # PostgreSQL drops nothing before one that is half made has ended (a minute).
            traceback.clear_frames(error.__traceback__)
            drop_forcibly(url, name)
            raise


def drop_forcibly(url: str, name: str) -> None:
    """Drop a copy, if it is there, and end who is connected to it: its maker's own programs.

    A session of another role cannot be ended from here; it ends by itself, for its program did.
    """
    until = monotonic() + TIMEOUT
    while True:
        try:
            command(url, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
        except (psycopg.errors.ObjectInUse, psycopg.errors.InsufficientPrivilege):
            if monotonic() > until:
                raise
            sleep(0.2)
        else:
            return


def drop_empty(url: str, name: str) -> bool:
    """Drop a database unless it has tables; return whether it was dropped."""
    if tables(elsewhere(url, name)):
        return False
    command(url, "DROP DATABASE {}", name)
    return True


def swap(url: str, *, new: str, old: str, former: str) -> None:
    """Give `new` the name of `old`, which becomes `former`: both or neither."""
    with psycopg.connect(elsewhere(url, MAINTENANCE)) as connection:
        unmark = sql.SQL("COMMENT ON DATABASE {} IS NULL")
        connection.execute(unmark.format(sql.Identifier(new)))
        for before, after in ((old, former), (new, old)):
            rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
            connection.execute(rename.format(sql.Identifier(before), sql.Identifier(after)))


def command(url: str, statement: str, name: str) -> None:
    """Run a statement about one database, outside of any transaction."""
    with psycopg.connect(elsewhere(url, MAINTENANCE), autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
