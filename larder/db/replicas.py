"""Reads from a replica that is current enough for the reader, or else from the primary.

The replicas are the databases `replica1`, `replica2` … of the settings. A thread reads the replay
position on the connection that will run its query. A query that fails on a replica runs on the
primary. After an error of its server a replica is left out for a second.
"""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import count
from threading import Lock
from typing import TypeVar

from django.db import DatabaseError, Error, InterfaceError, OperationalError, connections

from larder.core.stopwatch import nanoseconds
from larder.db import database, positions, sql
from larder.db.database import sqlstate
from larder.db.positions import Position

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")

MAX_LAG = 100_000_000
"""Nanoseconds by which an answer may be behind the writes of others."""

PAUSE = 1_000_000_000
"""Nanoseconds for which a replica is left out after an error of its server."""


@dataclass(frozen=True, slots=True)
class State:
    """What a replica shows: everything before `replayed`. That includes all transactions committed
    before `current_at` (monotonic nanoseconds), and perhaps more."""

    replayed: Position
    current_at: int


class NotAReplica(DatabaseError):
    """The server is not a standby, or has replayed nothing."""


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
        now = nanoseconds()
        if now < self._tried_again_at:
            return False
        if self._tried_again_at:
            self._tried_again_at = now + PAUSE
        return True

    def replayed(self) -> Position:
        """Returns what this thread's connection shows. Raises django.db.Error."""
        ((is_standby, *row),) = database.rows(sql.REPLAYED)
        if not is_standby or row[-1] is None:
            raise NotAReplica("the server is not a standby")
        self._tried_again_at = 0
        return Position(*row)

    def failed(self, error: Error) -> None:
        """Records an error, and closes the connection, which may still be executing a query."""
        connections[self.alias].close()
        if _is_gone(error):
            self._tried_again_at = nanoseconds() + PAUSE
            reason = str(error).strip().partition("\n")[0]
            logger.warning(
                "The primary answers in place of %s: %s. If this repeats, check the replica.",
                self.alias,
                reason,
            )


def _is_gone(error: Error) -> bool:
    """Whether the server is unusable, and not only the statement: it sent no SQLSTATE, or one that
    says that it starts, stops or has no connection left."""
    state = sqlstate(error)
    if not state:
        return isinstance(error, NotAReplica | OperationalError | InterfaceError)
    return state[:2] in {"08", "53", "57", "58"} and state != "57014"


@cache
def replicas() -> tuple[Replica, ...]:
    """Returns the replicas that the settings name."""
    return tuple(Replica(alias) for alias in connections if alias.startswith("replica"))


_rotation = count()
_counting = Lock()
_answered: Counter[str] = Counter()


def count_read(by: str) -> None:
    """Counts a read that a replica can answer, by what answered it: `replica`, or the primary,
    because no replica was current enough (`behind`) or one `failed`."""
    with _counting:
        _answered[by] += 1


def take_counts() -> Counter[str]:
    """Returns the counts since the last call."""
    with _counting:
        counts = _answered.copy()
        _answered.clear()
    return counts


def read(position: Position | None, make: Callable[[State | None], Answer]) -> Answer:
    """Returns what `make` returns, on a replica or on the primary.

    A replica has replayed `position` and everything that was committed MAX_LAG ago, and follows the
    timeline of the primary. Each call begins with another one (round robin). `make` gets its state;
    None on the primary. If it raises a database error on a replica, it is called a second time on
    the primary, so it must only read. Raises django.db.Error and Overloaded.
    """
    sample = positions.recent(MAX_LAG)
    known, first = replicas(), next(_rotation)
    why = "behind"
    for offset in range(len(known)):
        replica = known[(first + offset) % len(known)]
        if not replica.may_be_tried():
            continue
        try:
            with database.reading_from(replica.alias):
                replayed = replica.replayed()
                if all(map(replayed.covers, filter(None, (sample.position, position)))):
                    answer = make(State(replayed, sample.moment))
                    count_read("replica")
                    return answer
        except Error as error:
            replica.failed(error)
            why = "failed"
    count_read(why)
    return make(None)
