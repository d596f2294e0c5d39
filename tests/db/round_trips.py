"""Counts round trips to PostgreSQL in libpq's trace of the protocol."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

FRONTEND, BACKEND = "F", "B"


@dataclass
class Seen:
    """`count`: the number of changes from the client's messages to the server's."""

    count: int = 0


@contextmanager
def round_trips(connection: Any) -> Iterator[Seen]:
    """Counts the round trips of a Django connection while the block runs."""
    connection.ensure_connection()
    libpq, seen = connection.connection.pgconn, Seen()
    with tempfile.TemporaryFile("w+") as trace:
        libpq.trace(trace.fileno())
        try:
            yield seen
        finally:
            libpq.untrace()
            trace.seek(0)
            seen.count = _turns(trace.read())


def _turns(trace: str) -> int:
    said_by = [fields[1] for line in trace.splitlines() if len(fields := line.split("\t")) > 2]
    return sum(both == (FRONTEND, BACKEND) for both in pairwise(said_by))
