"""Reading feeds in tests: writers in separate transactions, readers right and wrong."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from larder.db import database
from larder.db.feed import Feed

_HORIZON = "pg_snapshot_xmin(pg_current_snapshot())"


_AFTER = "(transaction_id, position) > ((SELECT %s::text::xid8), (SELECT %s::bigint))"


class NumberedFeed(Feed):
    """Reads the feed by sequence number only: the negative control."""

    def page(self, rows: int) -> str:
        right = super().page(rows)
        for part, instead in (
            (f"AND transaction_id < {_HORIZON}", ""),
            (_AFTER, "%s <> '' AND position > %s"),
            ("ORDER BY transaction_id, position", "ORDER BY position"),
            ("ORDER BY row.transaction_id, row.position", "ORDER BY row.position"),
        ):
            assert part in right
            right = right.replace(part, instead)
        return right


class HastyFeed(Feed):
    """Reads the feed past the oldest open transaction: a negative control."""

    def page(self, rows: int) -> str:
        part = f"AND transaction_id < {_HORIZON}"
        right = super().page(rows)
        assert part in right
        return right.replace(part, "")


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
