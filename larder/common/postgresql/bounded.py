"""Connections that wait for an answer only so long: those to replicas, which can be done without.

A server that hangs, or whose machine is gone without a word, answers nothing, and neither its own
time limits nor the network's end that soon.
"""

from typing import Any

import psycopg

CONNECTION_WAIT = 0.25
"""Seconds for which a free connection to a replica is waited for."""

LONGEST_ANSWER = 1.0
"""Seconds for which a replica's answer is waited for: any read of the API takes a fraction."""


class BoundedConnection(psycopg.Connection[Any]):
    """Raises OperationalError, and is good for nothing more, when an answer takes too long."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """As psycopg's own, with a time limit where none is given."""
        return super().wait(gen, interval, LONGEST_ANSWER if timeout is None else timeout)


REPLICA_POOL: dict[str, Any] = {
    "connection_class": BoundedConnection,
    "timeout": CONNECTION_WAIT,
}
"""What the pool of a replica has of its own."""
