"""Each process of a server on a core of its own, where there are as many cores as processes.

Python runs one thread of a process at a time, so a second core is of little use to a process: its
threads wake each other across cores, and find the interpreter taken (ADR 24 says what it costs).
PostgreSQL and whatever else runs go where there is room.
"""

import logging
import os
from contextlib import suppress
from pathlib import Path

from larder.common import seats

logger = logging.getLogger(__name__)

_seat: list[int] = []
"""Open as long as this process lives."""


def take_one(folder: str, processes: int) -> int | None:
    """The core that is this process's from now on, with all of its threads; None for any.

    `folder` is one that the server's `processes` share. Where they are not as many as the cores
    this process may use, or the system has no such thing, nothing happens.
    """
    if not folder or not hasattr(os, "sched_setaffinity"):
        return None
    cores = sorted(os.sched_getaffinity(0))
    if not 1 < processes == len(cores):
        return None
    try:
        seat, number = seats.take(Path(folder), "core")
        _seat[:] = [seat]
        if number >= len(cores):
            # The others are still those of a server that is being replaced (granian's HUP).
            return None
        _keep_to({cores[number]})
    except OSError as error:
        logger.warning("This process has no core of its own: %s", error)
        with suppress(OSError):
            _keep_to(set(cores))
        return None
    return cores[number]


def _keep_to(cores: set[int]) -> None:
    """All threads there are, and those they begin. Raises OSError."""
    for thread in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread.name), cores)
