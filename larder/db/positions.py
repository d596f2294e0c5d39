"""Positions in the primary's write-ahead log, and the times at which it had reached them.

A replica is as current as the position that it has replayed. No clock shows its lag: the clocks of
two machines differ, and the time of the last transaction says nothing while no transaction writes.
So a process asks the primary for its position, and keeps the moment *before* it asked, by the
monotonic clock of its machine. Everything committed before that moment lies before that position.
A replica that has replayed the position has all of it.

A position is valid in one history of one cluster. After a fail-over the log continues under another
timeline, and the same number may belong to another record. So the numbers of two timelines are
never compared.

Source: PostgreSQL, "Recovery Information Functions" and "Backup Control Functions".
"""

from collections.abc import Sequence
from threading import Lock
from typing import NamedTuple

from larder.core.batch_queue import BatchQueue, Limits, together
from larder.core.stopwatch import nanoseconds
from larder.db import database, sql
from larder.db.postgresql.bounded import answers_within

SAMPLES = 64
"""Samples that are kept. With APART between them they cover at least an eighth of a second."""

APART = 2_000_000
"""Nanoseconds between two samples, at least."""

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

    def includes(self, written: "Position") -> bool:
        """Returns whether a server at this position, on the timeline of the primary, has what was
        written before `written` and still exists.

        Of former timelines it has all that the primary has: its own begins behind that.
        """
        return self.covers(written) or (
            self.system == written.system and self.timeline > written.timeline
        )


class Sample(NamedTuple):
    """Everything committed before `moment` (monotonic nanoseconds) lies before `position`."""

    moment: int
    position: Position


_lock = Lock()
_samples: tuple[Sample, ...] = ()


def _ask(batch: Sequence[None]) -> Sequence[Sample]:
    moment = nanoseconds()
    with answers_within(ANSWER_WITHIN):
        (row,) = database.rows(sql.PRESENT)
    sample = Sample(moment, Position(*row))
    _keep(sample)
    return [sample] * len(batch)


_asking: BatchQueue[None, Sample] = BatchQueue(together(_ask), Limits())
"""One query serves all threads that arrived before it was sent."""


def present() -> Sample:
    """Returns a position of the primary after everything committed before this call.

    Raises django.db.Error and Overloaded.
    """
    return _asking.submit(None)


def _keep(sample: Sample) -> None:
    """Keeps the newest sample always, and the others if they are APART."""
    global _samples  # noqa: PLW0603  the tuple is replaced as a whole
    with _lock:
        kept = _samples
        if len(kept) > 1 and kept[-1].moment - kept[-2].moment < APART:
            kept = kept[:-1]
        _samples = (*kept[1 - SAMPLES :], sample)


def last_sampled() -> int:
    """Returns the moment of the newest sample; 0 if there is none."""
    return _samples[-1].moment if _samples else 0


def current_at(replayed: Position) -> int:
    """Returns the last known moment at which a server that has replayed this position was current;
    0 if there is none."""
    for moment, position in reversed(_samples):
        if replayed.covers(position):
            return moment
    return 0
