"""Ends what a killed run left behind.

The kernel ends the children when the supervisor dies; but their own children may survive a
kill -9 of all of them. Every process of a run carries the mark of its data folder in its
environment, handed down to children and their children, so they are found whatever their parent
was, and no stranger who got a recycled pid is ever taken for one. Only Linux shows the
environment.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from tools.errors import LauncherError
from tools.processes import send, wait_until

MARK_VARIABLE = "LARDER_RUN"
STOP_STEPS = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))


def end(mark: str) -> int:
    """End all processes that carry the mark, first kindly; return how many there were.

    Raises LauncherError when one cannot be ended.
    """
    found = marked(mark)
    for number, seconds in STOP_STEPS:
        for pid in marked(mark):
            send(pid, number)
        if wait_until(lambda: not marked(mark), seconds):
            return len(found)
    raise LauncherError(f"Stop the processes of an earlier run, which do not end: {marked(mark)}.")


def marked(mark: str) -> list[int]:
    """Return the pids of the processes that carry the mark, ourselves left out."""
    if sys.platform != "linux":
        return []
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [pid for pid in pids if pid != os.getpid() and carries(pid, mark)]


def carries(pid: int, mark: str) -> bool:
    """Say whether a process has the mark in its environment; a dead one has none."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return f"{MARK_VARIABLE}={mark}".encode() in environment.split(b"\0")
