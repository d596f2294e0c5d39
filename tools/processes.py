"""Small questions about other processes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path


def send(pid: int, number: int) -> None:
    """Send a signal to a process that may just have ended."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


LONGEST_WAIT = float(os.environ.get("LARDER_TEST_LONGEST_WAIT", "60"))
"""Seconds until a wait gives up. A test on a busy machine needs them, one of a mutant does not."""


def wait_until(condition: Callable[[], bool], seconds: float = LONGEST_WAIT) -> bool:
    """Poll the condition, often at first; False when `seconds` pass without it."""
    deadline, pause = time.monotonic() + seconds, 0.001
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
        pause = min(2 * pause, 0.05)
    return True


def children(pid: int) -> list[int]:
    """The children of a process and all its threads, none when it is gone. Linux only.

    Each process is read for its parent: the kernel's own list of children forgets some while
    others start and end.
    """
    pids = sorted(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [one for one in pids if _parent(one) == pid]


def _parent(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def alive(pid: int) -> bool:
    """Say whether a process is there and no zombie. Linux only."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
