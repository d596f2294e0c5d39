"""Leaves the processors to orders, if these need them all.

The worker's own processor time yields to the servers' (its niceness). That of its statements, in
PostgreSQL, does not: so the relay pauses while its thread has to wait for a processor.
"""

from contextlib import suppress
from pathlib import Path

from larder.core.clock import Stopwatch

SHARE = 10
"""While processors are busy, a tenth of the time is used."""

WAITED = 0.25
"""A quarter of the time: beside an idle machine's other threads a thread waits less."""

NANOSECONDS = 1e9

_SCHEDULED = Path("/proc/thread-self/schedstat")


class Pace:
    """Whether the thread that made it has waited for a processor since the last question."""

    def __init__(self) -> None:
        self._before, self._since = _scheduled(), Stopwatch()

    def pause(self, seconds: float) -> float:
        """Returns the seconds to pause after a pass that took so many: none, unless the thread
        waited for longer than it ran, and for WAITED of the time."""
        ran_before, waited_before = self._before
        ran, waited = self._before = _scheduled()
        elapsed, self._since = self._since.seconds, Stopwatch()
        is_busy = waited - waited_before > max(ran - ran_before, elapsed * WAITED)
        return seconds * (SHARE - 1) if is_busy else 0.0


def _scheduled() -> tuple[float, float]:
    """Returns the seconds that this thread ran, and waited to run; zeros where the system does not
    say."""
    with suppress(OSError, ValueError):
        ran, waited, _ = map(int, _SCHEDULED.read_text().split())
        return ran / NANOSECONDS, waited / NANOSECONDS
    return 0.0, 0.0
