"""Databases of one server by their names: made, looked into, renamed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tools.errors import LauncherError

MAINTENANCE = "postgres"
RESTORED = "_restored_"
"""Between the name of a database and the number of the process that restores a backup of it."""
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
_MARKED = """
SELECT datname FROM pg_database
WHERE shobj_description(oid, 'pg_database') = %s ORDER BY datname
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


def refuse_another(url: str, name: str) -> None:
    """Raise LauncherError unless the address leads to that database; a pooler may know better."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT current_database()").fetchone()
    if row != (name,):
        raise LauncherError(
            f"The address of database {name} leads to {row and row[0]}, and nothing was done. "
            "Give the server's own address, not that of a pooler with other names."
        )


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


def exists(url: str, name: str) -> bool:
    """Whether the server has a database of that name."""
    with psycopg.connect(elsewhere(url, MAINTENANCE)) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        return found.fetchone() is not None


@contextmanager
def claimed(url: str, name: str) -> Iterator[bool]:
    """Hold the name of a database against others who look for leftovers; False if they hold it.

    PostgreSQL lets it go with this session, however this process ends.
    """
    with psycopg.connect(elsewhere(url, MAINTENANCE), autocommit=True) as connection:
        row = connection.execute(_CLAIM, [name]).fetchone()
        yield row == (True,)


def left(url: str) -> list[str]:
    """Copies of this database that were made here; a client may be making one just now."""
    pattern = re.compile(re.escape(f"{name_in(url)}{RESTORED}") + r"\d+")
    with psycopg.connect(elsewhere(url, MAINTENANCE)) as connection:
        found = connection.execute(_MARKED, [MADE_HERE])
        return [name for (name,) in found if pattern.fullmatch(name)]


def drop_left(url: str) -> list[str]:
    """Drop the copies that no process is making any more; return their names."""
    dropped = []
    for name in left(url):
        with claimed(url, name) as ours:
            if ours:
                drop_forcibly(url, name)
                dropped.append(name)
    return dropped


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
