"""Leaves the processors to orders, if these need them all.

The worker's own processor time yields to the servers' (its niceness). That of its statements, in
PostgreSQL, does not: so it pauses while others keep the machine busy.
"""

from contextlib import suppress
from pathlib import Path

SHARE = 20
"""While processors are busy, a twentieth of the time is used."""

BUSY = 0.75
"""The part of the processors' time that is used by processes without niceness on a busy machine."""

_PROCESSORS = Path("/proc/stat")
_NICE, _IDLE, _IO = 1, 3, 4
"""Columns of the first line: see proc_stat(5)."""


class Pace:
    """Whether the machine `is_busy`, as of the last pause."""

    def __init__(self) -> None:
        self.is_busy = False
        self._before = _ticks()

    def pause(self, seconds: float) -> float:
        """Returns the seconds to pause after a pass that took so many: none, unless the machine was
        busy."""
        used_before, all_before = self._before
        used, all = self._before = _ticks()
        self.is_busy = used - used_before > BUSY * (all - all_before)
        return seconds * (SHARE - 1) if self.is_busy else 0.0


def _ticks() -> tuple[int, int]:
    """Returns the time of all processors that processes without niceness used, and all of it; zeros
    where the system does not say."""
    with suppress(OSError, ValueError):
        with _PROCESSORS.open() as lines:
            ticks = [int(column) for column in next(lines).split()[1:9]]
        return sum(ticks) - ticks[_NICE] - ticks[_IDLE] - ticks[_IO], sum(ticks)
    return 0, 0
