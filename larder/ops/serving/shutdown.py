"""Shutdown hooks: functions that a process calls before it ends, unless it is killed."""

import atexit
from collections.abc import Callable
from multiprocessing.util import Finalize


def at_end(work: Callable[[], object]) -> None:
    """Calls `work` once at the end of the process. The workers of granian end as processes of
    multiprocessing do, which do not call the functions of atexit."""
    once = Finalize(None, work, exitpriority=10)
    atexit.register(once)
