"""The processor time of a server's worker processes: a core for each, and Linux's batch policy.

Python runs one thread of a process at a time, so a process gains little from a second core: its
threads wake each other across cores and wait for the interpreter. Under the batch policy a thread
that wakes up does not preempt the running one, which may be another thread of the process, with
the interpreter, or PostgreSQL at work for it.
"""

import logging
import os
from contextlib import suppress
from pathlib import Path

logger = logging.getLogger(__name__)


def pin(index: str, workers: int) -> None:
    """Pins this worker, the `index`-th of a server, to a core and sets the batch policy: for all
    its threads, and those they start. Takes no core unless each of the workers has one.

    Does nothing where the system has neither or refuses it.
    """
    if not hasattr(os, "SCHED_BATCH"):
        return
    cores = sorted(os.sched_getaffinity(0))
    core = {cores[int(index)]} if index and 1 < workers == len(cores) else None
    for thread in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):
            _pin_thread(int(thread.name), core)


def _pin_thread(thread: int, core: set[int] | None) -> None:
    try:
        os.sched_setscheduler(thread, os.SCHED_BATCH, os.sched_param(0))
        if core:
            os.sched_setaffinity(thread, core)
    except PermissionError as error:
        logger.warning("A thread is not pinned to a core: %s. Set PIN_WORKERS=false.", error)
