"""Connections that wait for an answer only so long.

A server that hangs answers nothing: its own time limits hang with it. Nor does one whose machine is
gone without a word, and the system's limits for that are a quarter of an hour for what was sent and
two hours for what is waited for. libpq takes others with its options; what still answers to the
network and to nothing else is given up here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar

import psycopg
from psycopg.errors import _WaitTimeout

GONE = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""Options of libpq, seconds and milliseconds: a machine that is gone is noticed within some ten
seconds. A socket of the system has no such thing, and needs none."""

LONGEST_ANSWER = 15.0
"""Seconds for which a server waits for its primary: half as long again as the server's role lets a
statement take (larder/ops/roles.py)."""

CONNECTION_WAIT = 0.25
"""Seconds for which a free connection to a replica is waited for."""


_within: ContextVar[float | None] = ContextVar("within", default=None)


@contextmanager
def answers_within(seconds: float) -> Iterator[None]:
    """Limits each wait of this thread for an answer in the block to `seconds`, on every connection;
    one that is exceeded closes the connection and raises OperationalError."""
    token = _within.set(seconds)
    try:
        yield
    finally:
        _within.reset(token)


class BoundedConnection(psycopg.Connection[Any]):
    """Raises OperationalError, and is closed, when an answer takes longer than `longest` seconds;
    with None it may take as long as it will."""

    longest: ClassVar[float | None] = None

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """As psycopg's own, with a time limit where none is given."""
        try:
            if timeout is None:
                timeout = _within.get() or self.longest
            return super().wait(gen, interval, timeout)
        except _WaitTimeout:
            # Its end would be waited for as well: a rollback, the next statement.
            self.pgconn.finish()
            raise


class ReplicaConnection(BoundedConnection):
    """A replica can be done without: any read of the API takes a fraction of a second."""

    longest = 1.0


class PrimaryConnection(BoundedConnection):
    """A command may ask the primary for what takes a quarter of an hour, a server may not."""


def limit_answers() -> None:
    """From now on this process gives up a primary that does not answer for LONGEST_ANSWER."""
    PrimaryConnection.longest = LONGEST_ANSWER


PRIMARY_POOL: dict[str, Any] = {"connection_class": PrimaryConnection}
REPLICA_POOL: dict[str, Any] = {
    "connection_class": ReplicaConnection,
    "timeout": CONNECTION_WAIT,
}
"""What the pools have of their own."""
