"""Positions in the primary's write-ahead log, and the times at which it had reached them.

No clock shows the lag of a replica. So a process asks the primary for its position, and keeps the
moment *before* it asked, by the monotonic clock. A replica that has replayed the position has
everything committed before that moment. Positions of two timelines are never compared: after a
fail-over the same number may belong to another record.

Source: PostgreSQL, "Recovery Information Functions" and "Backup Control Functions".
"""

from threading import Lock
from typing import NamedTuple

from larder.core import waits
from larder.core.errors import Overloaded
from larder.core.stopwatch import nanoseconds
from larder.db import database, sql
from larder.db.postgresql.bounded import answers_within

APART = 25_000_000
"""Nanoseconds after which the primary is asked for its position again."""

ANSWER_WITHIN = 1.0
"""Seconds that the thread which asks waits for the answer. The query reads no table."""


class Position(NamedTuple):
    """A position in the log: the cluster's identifier, the timeline and the byte."""

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


def present() -> Sample:
    """Returns a position of the primary after everything committed before this call. One query
    serves all threads that wait when it is sent.

    Raises django.db.Error and Overloaded.
    """
    asked = nanoseconds()
    with waits.holding(_asking, ANSWER_WITHIN) as in_time:
        if not in_time:
            raise Overloaded
        if not _latest or _latest[-1].moment < asked:
            _latest[:] = [_ask()]
        return _latest[-1]


_asking = Lock()
_latest: list[Sample] = []


def _ask() -> Sample:
    moment = nanoseconds()
    try:
        with answers_within(ANSWER_WITHIN):
            (row,) = database.rows(sql.PRESENT)
    finally:
        # The thread may be one that no request ends, or read from a replica next.
        database.release()
    return Sample(moment, Position(*row))


_samples: tuple[Sample, ...] = ()


def recent(lag: int) -> Sample:
    """Returns the oldest known sample of the last `lag` nanoseconds. Asks the primary if the newest
    one is older than APART. Raises as `present` does."""
    global _samples  # noqa: PLW0603  the tuple is replaced as a whole
    now = nanoseconds()
    samples = [sample for sample in _samples if sample.moment > now - lag]
    if not samples or samples[-1].moment <= now - APART:
        samples.append(present())
    _samples = tuple(samples[-(lag // APART + 1) :])
    return samples[0]
