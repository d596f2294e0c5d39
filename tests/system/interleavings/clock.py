"""A clock of the database that keeps its time until it is set, and ids that follow each other.

The statements stay as they are: a schema that PostgreSQL searches before its own has functions with
the names of those that read the time. The seconds are in a sequence, because its value is seen at
once by all transactions. Ids of a run begin with its number.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from urllib.parse import urlsplit

import psycopg
from django.db import connection
from psycopg import sql
from uuid_utils import compat

from larder.db.database import SEARCH_PATH
from tests import database

BEGINNING = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

_SCHEMA = f"""
DROP SCHEMA IF EXISTS chosen CASCADE;
CREATE SCHEMA chosen;
CREATE SEQUENCE chosen.seconds MINVALUE 0 START 0;
CREATE FUNCTION chosen.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
    SELECT '{BEGINNING.isoformat()}'::timestamptz + last_value * interval '1 second'
    FROM chosen.seconds
$$;
CREATE FUNCTION chosen.statement_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
    SELECT chosen.clock_timestamp()
$$;
GRANT USAGE ON SCHEMA chosen TO PUBLIC;
GRANT SELECT ON chosen.seconds TO PUBLIC
"""


class Clock:
    """The time of the database, which the tests set."""

    def __init__(self, owner: psycopg.Connection[tuple[int]]) -> None:
        self._owner = owner
        self._runs = count(1)

    def set(self, seconds: int) -> None:
        """Sets the time to so many seconds after the beginning."""
        self._owner.execute("SELECT setval('chosen.seconds', %s)", [seconds])

    def restart(self) -> None:
        """Begins a run: the time of the beginning, and the first id of the run."""
        self.set(0)
        run, numbers = next(self._runs), count(1)
        setattr(compat, "_uuid7_int", lambda **_: run << 64 | next(numbers))  # noqa: B010

    @property
    def now(self) -> datetime:
        """The time as the application reads it: that of the beginning."""
        return BEGINNING


@contextmanager
def chosen_clock() -> Iterator[Clock]:
    """Replaces the clock of the database, and the ids of this process, for the block."""
    url, new_id = database.superuser_url(), getattr(compat, "_uuid7_int")  # noqa: B009
    app = sql.Identifier(urlsplit(os.environ["DATABASE_URL"]).username or "")
    here = sql.Identifier(urlsplit(url).path[1:])
    path = sql.SQL(f"chosen, {SEARCH_PATH}, pg_catalog")
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(_SCHEMA.encode())
        role = sql.SQL("ALTER ROLE {} IN DATABASE {} ").format(app, here)
        owner.execute(role + sql.SQL("SET search_path = ") + path)
        _reconnect()
        try:
            yield Clock(owner)
        finally:
            setattr(compat, "_uuid7_int", new_id)  # noqa: B010
            owner.execute(role + sql.SQL("RESET search_path"))
            _reconnect()
            owner.execute("DROP SCHEMA chosen CASCADE")


def _reconnect() -> None:
    """Closes the connections of the pool: new ones get the settings of the role."""
    connection.close()
    getattr(connection, "close_pool")()  # noqa: B009
