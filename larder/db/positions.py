"""Places in the primary's log: where it is now, and when it was where.

A replica is as current as what it has replayed of the log. No clock tells how far behind it is:
those of two machines differ, and the time of the last transaction says nothing while nobody
writes. So the primary is asked for its position, and the moment *before* asking is kept, by this
machine's monotonic clock: whatever was committed before that moment lies before that position,
and a replica that has replayed it has all of it.

A position means something in one history of one cluster: after a fail-over the log goes on under
another timeline, and the same number may stand for other things. Positions of two histories are
never compared.

Source: PostgreSQL, "Recovery Information Functions" and "Backup Control Functions".
"""

from collections.abc import Sequence
from threading import Lock
from typing import NamedTuple

from larder.core.batch_queue import BatchQueue, Limits
from larder.core.stopwatch import nanoseconds
from larder.db import database

PRESENT = """
SELECT system_identifier, ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int,
       (CASE current_setting('synchronous_commit') WHEN 'off' THEN pg_current_wal_insert_lsn()
             ELSE pg_current_wal_flush_lsn() END - '0/0')::bigint
FROM pg_control_system()
"""
"""Behind every commit that was answered before. Such a commit is on disk, so what is on disk is
enough, and nothing that is not will be sent to a replica for as long as nobody commits. Only where
commits do not wait for the disk it is where the next record will go."""

SAMPLES = 64
"""How many are kept, two milliseconds apart at least: an eighth of a second."""

APART = 2_000_000
"""Nanoseconds."""


class Position(NamedTuple):
    """A place in the log of a cluster: its identifier, the timeline, the byte."""

    system: int
    timeline: int
    byte: int

    def covers(self, other: "Position") -> bool:
        """Whether whoever is here has everything up to there."""
        return self[:2] == other[:2] and self.byte >= other.byte


class Sample(NamedTuple):
    """What was committed before this moment (monotonic nanoseconds) lies before the position."""

    moment: int
    position: Position


_lock = Lock()
_samples: tuple[Sample, ...] = ()


def _ask(group: Sequence[None]) -> Sequence[Sample]:
    moment = nanoseconds()
    (row,) = database.rows(PRESENT)
    sample = Sample(moment, Position(*row))
    _keep(sample)
    return [sample] * len(group)


_asking: BatchQueue[None, Sample] = BatchQueue(_ask, Limits())
"""One question for all who came before it was asked."""


def present() -> Sample:
    """Where the primary is: behind all that was committed before this was called.

    Raises django.db.Error and Overloaded.
    """
    return _asking.ask(None)


def _keep(sample: Sample) -> None:
    """The newest always; of the others those that are not too close together."""
    global _samples  # noqa: PLW0603  one tuple is put in the place of another
    with _lock:
        kept = _samples
        if len(kept) > 1 and kept[-1].moment - kept[-2].moment < APART:
            kept = kept[:-1]
        _samples = (*kept[1 - SAMPLES :], sample)


def last_asked() -> int:
    """The moment of the newest sample; 0 if there is none."""
    return _samples[-1].moment if _samples else 0


def current_at(replayed: Position) -> int:
    """The last moment known at which a server that has replayed this had everything; 0: never."""
    for moment, position in reversed(_samples):
        if replayed.covers(position):
            return moment
    return 0
