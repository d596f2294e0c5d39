"""The processor time of a server's worker processes: a core for each, and Linux's batch policy.

Python runs one thread of a process at a time, so a process gains little from a second core: its
threads wake each other across cores and wait for the interpreter. Under the batch policy a thread
that wakes up does not preempt the running one, which may be another thread of the process, with
the interpreter, or PostgreSQL at work for it. docs/explain/performance.md has what both gain.
"""

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from larder.ops.serving import worker_slots

logger = logging.getLogger(__name__)

_slot: list[int] = []
"""The file of this process's slot, open for as long as the process lives."""


def pin_to_core(folder: str, workers: int) -> int | None:
    """Pins all threads of this process to a core; returns its number, or None for no core.

    `folder` is shared by the `workers` processes of the server. Pins only if they are as many as
    the cores that this process may use, and more than one.
    """
    if not folder or not hasattr(os, "sched_setaffinity"):
        return None
    cores = sorted(os.sched_getaffinity(0))
    if not 1 < workers == len(cores):
        return None
    try:
        file, number = worker_slots.take(Path(folder), "core")
        _slot[:] = [file]
        if number >= len(cores):
            # The other slots are those of processes that this one replaces (granian's HUP).
            return None
        _for_each_thread(lambda thread: os.sched_setaffinity(thread, {cores[number]}))
    except OSError as error:
        logger.warning(
            "This process is not pinned to a core: %s. It serves all the same; allow"
            " sched_setaffinity and writing to %s, or set PIN_WORKERS=false.",
            error,
            folder,
        )
        with suppress(OSError):
            _for_each_thread(lambda thread: os.sched_setaffinity(thread, set(cores)))
        return None
    return cores[number]


def use_batch_policy() -> None:
    """Sets Linux's SCHED_BATCH for all threads of this process, and those they start.

    Logs a warning where the system refuses it, and does nothing on a system without it.
    """
    if not hasattr(os, "SCHED_BATCH"):
        return
    try:
        _for_each_thread(
            lambda thread: os.sched_setscheduler(thread, os.SCHED_BATCH, os.sched_param(0))
        )
    except OSError as error:
        logger.warning(
            "This process has no batch scheduling policy: %s. Orders are slower under load; allow"
            " sched_setscheduler.",
            error,
        )


def _for_each_thread(do: Callable[[int], None]) -> None:
    """Calls `do` with the id of each thread, also of those that start meanwhile."""
    done: set[int] = set()
    while threads := {int(one.name) for one in Path("/proc/self/task").iterdir()} - done:
        for thread in threads:
            with suppress(ProcessLookupError):
                do(thread)
        done |= threads
