"""Waiting for as long as something progresses."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tools.processes import children

LOOK_SECONDS = 1.0
WORK = 20
"""Hundredths of a second of CPU, or pieces of 64 KiB that were read: less is what an idle process
does, too."""
PIECE = 65_536


class ProgressTimeout:
    """Runs out once nothing has progressed for `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._began = self._progressed = time.monotonic()
        self._looked = 0.0
        self._state: object = None
        self._work = 0

    @property
    def waited(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    @property
    def is_over(self) -> bool:
        """Whether the last progress is longer ago than `seconds`."""
        return time.monotonic() - self._progressed >= self.seconds

    def look(self, state: object, pid: int | None) -> None:
        """Notice progress: another state, or work of the process and those that it started."""
        if state != self._state:
            self._state, self._work, self._looked = state, work_of(pid), time.monotonic()
            self._progressed = self._looked
        elif time.monotonic() - self._looked >= LOOK_SECONDS:
            work, self._looked = work_of(pid), time.monotonic()
            if abs(work - self._work) >= WORK:
                self._work, self._progressed = work, self._looked


def work_of(pid: int | None) -> int:
    """Return what a process and all below it have done, in the units of WORK. Linux only."""
    if pid is None:
        return 0
    return _own_work(pid) + sum(work_of(child) for child in children(pid))


def _own_work(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        read = Path(f"/proc/{pid}/io").read_text().split()[1]
    except OSError:
        return 0
    ticks = int(fields[11]) + int(fields[12])
    return ticks * 100 // os.sysconf("SC_CLK_TCK") + int(read) // PIECE
