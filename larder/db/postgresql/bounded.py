"""Connections with a time limit for each answer of the server.

A server that hangs, or whose machine has failed, does not answer, and its own time limits do not
work. TCP_OPTIONS notice a failed machine; one that still answers TCP is noticed here.
"""

from typing import Any

import psycopg
from psycopg.errors import _WaitTimeout

TCP_OPTIONS = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""Options of libpq, in seconds and milliseconds: a failed machine is noticed within about ten
seconds. They have no effect on a Unix-domain socket, which does not need them."""

ANSWER_TIMEOUT = 15.0
"""Seconds that a server waits for an answer of the primary: one and a half times the limit of a
statement of the server's role (larder/ops/roles.py)."""

CONNECTION_WAIT = 0.25
"""Seconds that a thread waits for a free connection to a replica."""


class BoundedConnection(psycopg.Connection[Any]):
    """Raises OperationalError and closes itself if an answer takes longer than `longest` seconds.
    None sets no limit. `database.answers_within` sets it for a connection."""

    longest: float | None = None

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Waits as psycopg does, with a time limit if none is given."""
        try:
            return super().wait(gen, interval, self.longest if timeout is None else timeout)
        except _WaitTimeout:
            # A rollback or the next statement would wait for the same server again.
            self.pgconn.finish()
            raise


class ReplicaConnection(BoundedConnection):
    """A connection to a replica. A read of the API takes a fraction of a second, and the primary
    can serve it instead."""

    longest = 1.0


class PrimaryConnection(BoundedConnection):
    """A connection to the primary. Servers limit its answers (`limit_answers`); commands do not,
    because some of their statements take a quarter of an hour."""


def limit_answers() -> None:
    """Sets ANSWER_TIMEOUT for the connections of this process to the primary."""
    PrimaryConnection.longest = ANSWER_TIMEOUT


REPLICA_POOL: dict[str, Any] = {"connection_class": ReplicaConnection, "timeout": CONNECTION_WAIT}
"""Options of the pool of a replica."""
