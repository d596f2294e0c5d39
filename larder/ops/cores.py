"""Where and when the threads of a server run.

Python runs one thread of a process at a time, so a second core is of little use to a process: its
threads wake each other across cores, and find the interpreter taken (ADR 24 says what it costs).
So each process has a core of its own, where there are as many cores as processes; PostgreSQL and
whatever else runs go where there is room. And a thread that is woken waits until whoever runs on
its core sleeps or has had its share (ADR 26): who runs may hold the interpreter, or be PostgreSQL
in the middle of somebody's order.
"""

import logging
import os
from collections.abc import Callable
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


def interrupt_nobody() -> None:
    """From now on threads of this process that are woken interrupt nobody (Linux's SCHED_BATCH).

    Their share of a core stays the same. Where the system has no such thing, or refuses it,
    nothing happens but a line in the log.
    """
    if not hasattr(os, "SCHED_BATCH"):
        return
    try:
        _for_each_thread(
            lambda thread: os.sched_setscheduler(thread, os.SCHED_BATCH, os.sched_param(0))
        )
    except OSError as error:
        logger.warning("Threads of this process interrupt others when woken: %s", error)


def _keep_to(cores: set[int]) -> None:
    """All threads there are, and those they begin. Raises OSError."""
    _for_each_thread(lambda thread: os.sched_setaffinity(thread, cores))


def _for_each_thread(do: Callable[[int], None]) -> None:
    """Also for those that are begun meanwhile, by one whose turn has not come."""
    done: set[int] = set()
    while threads := {int(one.name) for one in Path("/proc/self/task").iterdir()} - done:
        for thread in threads:
            with suppress(ProcessLookupError):
                do(thread)
        done |= threads
