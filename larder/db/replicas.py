"""Reads from a replica that is current enough for the reader, or else from the primary.

A thread reads the replay position on the connection that will run its query. No clock shows the lag
of a replica. So a process asks the primary for its position in the log, and keeps the moment
*before* it asked, by the monotonic clock. A replica that has replayed the position has everything
committed before that moment. Positions of two timelines are never compared: after a fail-over the
same number may belong to another record.

Source: PostgreSQL, "Recovery Information Functions" and "Backup Control Functions".
"""

import logging
from collections.abc import Callable
from functools import cache
from itertools import count
from threading import Lock
from time import monotonic_ns
from typing import NamedTuple, TypeVar

from django.db import DatabaseError, Error, connections

from larder.core import telemetry, waits
from larder.core.errors import Overloaded
from larder.db import database, sql

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")

MAX_LAG = 100_000_000
"""Nanoseconds by which an answer may be behind the writes of others."""

PAUSE = 1_000_000_000
"""Nanoseconds for which a replica is left out after an error."""

ANSWER_WITHIN = 1.0
"""Seconds that a thread waits for the primary's position. The query reads no table."""


class Position(NamedTuple):
    """A position in the log: the cluster's identifier (its last 32 bits), the timeline and the
    byte."""

    system: int
    timeline: int
    byte: int

    def covers(self, other: "Position") -> bool:
        """Returns whether a server at this position has everything up to the other one."""
        return self[:2] == other[:2] and self.byte >= other.byte


class Sample(NamedTuple):
    """Everything committed before `moment` (monotonic nanoseconds) lies before `position`."""

    moment: int
    position: Position


def present(lag: int = 0) -> Sample:
    """Returns a position of the primary after everything committed before this call, or `lag`
    nanoseconds before it. One query serves all threads that wait when it is sent.

    Raises django.db.Error and Overloaded.
    """
    since = monotonic_ns() - lag
    known = _latest[-1]
    if known.moment >= since:
        return known
    with waits.holding(_asking, ANSWER_WITHIN) as in_time:
        if not in_time:
            raise Overloaded
        if _latest[-1].moment < since:
            _latest[:] = [_ask()]
        return _latest[-1]


_asking = Lock()
_latest = [Sample(-1, Position(0, 0, 0))]


def _ask() -> Sample:
    moment = monotonic_ns()
    try:
        with database.answers_within(ANSWER_WITHIN):
            (row,) = database.rows(sql.PRESENT)
    finally:
        # The thread may be one that no request ends, or read from a replica next.
        database.release()
    return Sample(moment, Position(*row))


class Replica:
    """A replica, with what this process knows of it."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self._tried_again_at = 0

    @property
    def is_away(self) -> bool:
        """Whether the last attempt failed."""
        return self._tried_again_at > 0

    def may_be_tried(self) -> bool:
        """Returns whether the last attempt succeeded, or a second has passed. Then one thread tries
        again: the others see the next pause."""
        now = monotonic_ns()
        if now < self._tried_again_at:
            return False
        if self._tried_again_at:
            self._tried_again_at = now + PAUSE
        return True

    def replayed(self) -> Position:
        """Returns what this thread's connection shows. Raises django.db.Error."""
        ((is_standby, *row),) = database.rows(sql.REPLAYED)
        if not is_standby or row[-1] is None:
            raise DatabaseError("the server is not a standby, or has replayed nothing")
        self._tried_again_at = 0
        return Position(*row)

    def failed(self, error: Error) -> None:
        """Records an error, and closes the connection, which may still be executing a query."""
        connections[self.alias].close()
        self._tried_again_at = monotonic_ns() + PAUSE
        reason = str(error).strip().partition("\n")[0]
        logger.warning(
            "The primary answers in place of %s: %s. If this repeats, check the replica.",
            self.alias,
            reason,
        )


@cache
def replicas() -> tuple[Replica, ...]:
    """Returns the replicas that the settings name."""
    return tuple(Replica(alias) for alias in connections if alias.startswith("replica"))


_rotation = count()


def read(position: Position, make: Callable[[], Answer]) -> Answer:
    """Returns what `make` returns, on a replica or on the primary.

    A replica has replayed `position` and everything that was committed MAX_LAG ago, and follows the
    timeline of the primary. Each call begins with another one (round robin). If `make` raises a
    database error on a replica, it is called a second time on the primary, so it must only read.
    Raises django.db.Error and Overloaded.
    """
    sample = present(MAX_LAG)
    known, first = replicas(), next(_rotation)
    why = "behind"
    for offset in range(len(known)):
        replica = known[(first + offset) % len(known)]
        if not replica.may_be_tried():
            continue
        try:
            with database.reading_from(replica.alias):
                replayed = replica.replayed()
                if replayed.covers(sample.position) and replayed.covers(position):
                    answer = make()
                    telemetry.reads.append("replica")
                    return answer
        except Error as error:
            replica.failed(error)
            why = "failed"
    telemetry.reads.append(why)
    return make()
