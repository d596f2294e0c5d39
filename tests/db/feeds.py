"""Writers in separate transactions, for tests that read feeds."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from larder.db import database

_HORIZON = "pg_snapshot_xmin(pg_current_snapshot())"


@contextmanager
def transaction() -> Iterator[psycopg.Connection[Any]]:
    """A transaction of another client; open until the end of the block, unless committed."""
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        yield connection


def settle() -> None:
    """Waits until everything committed so far can be read from a feed: other test processes
    have transactions open on the same PostgreSQL."""
    ((mine,),) = database.rows("SELECT pg_current_xact_id()::text::bigint")
    deadline = time.monotonic() + 90
    while database.rows(f"SELECT {_HORIZON}::text::bigint")[0][0] <= mine:
        assert time.monotonic() < deadline, "a transaction has been open for 90 seconds"
        time.sleep(0.01)
