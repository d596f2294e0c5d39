"""What a process does at its end, when it ends in order."""

import atexit
from collections.abc import Callable
from multiprocessing.util import Finalize


def at_end(work: Callable[[], object]) -> None:
    """Does it once. The processes of granian end as those of multiprocessing do, which does not
    run what atexit knows."""
    once = Finalize(None, work, exitpriority=10)
    atexit.register(once)
