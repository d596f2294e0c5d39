"""Databases of one server by their names: made, looked into, renamed."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tools.errors import LauncherError

MAINTENANCE = "postgres"
_TABLES = """
SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
"""
_OTHERS = """
SELECT DISTINCT coalesce(usename, '') || ' (' || coalesce(nullif(application_name, ''), '?') || ')'
FROM pg_stat_activity
WHERE datname = %s AND pid <> pg_backend_pid() AND usename IS NOT NULL
"""
# Of others' sessions only a superuser is told the kind; PostgreSQL's own have no user.


def name_in(url: str) -> str:
    """Return the database a connection string names."""
    return str(conninfo_to_dict(url).get("dbname") or "")


def elsewhere(url: str, name: str) -> str:
    """Return the same connection to another database of the server, in the form it was given."""
    if "://" in url:
        return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    return make_conninfo(url, dbname=name)


def tables(url: str) -> int:
    """Count the tables that are not PostgreSQL's own."""
    with psycopg.connect(url) as connection:
        row = connection.execute(_TABLES).fetchone()
    return int(row[0]) if row else 0


def visitors(url: str) -> list[str]:
    """Who else is connected to the database."""
    with psycopg.connect(elsewhere(url, MAINTENANCE)) as connection:
        return [row[0] for row in connection.execute(_OTHERS, [name_in(url)])]


def make(url: str, name: str) -> None:
    """Make an empty database. Raises LauncherError where the role may not."""
    try:
        command(url, "CREATE DATABASE {} TEMPLATE template0", name)
    except psycopg.errors.InsufficientPrivilege:
        raise LauncherError(
            f"Role {conninfo_to_dict(url).get('user')} may not make databases, and a restore is "
            "proved in one of its own first: ALTER ROLE … CREATEDB."
        ) from None


def drop(url: str, name: str) -> None:
    """Drop a database, if it is there."""
    command(url, "DROP DATABASE IF EXISTS {}", name)


def swap(url: str, *, new: str, old: str, aside: str) -> None:
    """Give `new` the name of `old`, which becomes `aside`: both or neither."""
    with psycopg.connect(elsewhere(url, MAINTENANCE)) as connection:
        for before, after in ((old, aside), (new, old)):
            rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
            connection.execute(rename.format(sql.Identifier(before), sql.Identifier(after)))


def command(url: str, statement: str, name: str) -> None:
    """Run a statement about one database, outside of any transaction."""
    with psycopg.connect(elsewhere(url, MAINTENANCE), autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
