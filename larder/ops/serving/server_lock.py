"""Allows one server in a folder: refuses a second one, and ends the workers of a killed one.

There are two locks on one file. The main process holds a POSIX lock (F_SETLK), which child
processes do not inherit: while it is held, a server runs. Main process and workers share an flock,
which child processes inherit with the open file: while only the flock is held, the workers run
without their main process. The kernel releases both locks when their processes end, so there is
nothing to clean up, and no recorded process id that another process may have by now. Both locks
survive exec.
"""

import fcntl
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

LOCK = "server.lock"
STOP_STEPS = ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0))
"""With the first signal, workers answer their open requests."""


class InUse(Exception):
    """Another server runs in the folder."""


def lock(folder: Path) -> int:
    """Lock the folder for this process and those that it forks; return the open file.

    Ends the workers of a server whose main process was killed. Raises InUse if another server runs,
    and OSError if the file system has no locks.
    """
    file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(file)
    except BaseException:
        os.close(file)
        raise
    os.set_inheritable(file, True)  # noqa: FBT003
    return file


def _take(file: int) -> None:
    if not _is_locked(fcntl.lockf, file):
        raise InUse
    for number, seconds in STOP_STEPS:
        if _is_locked(fcntl.flock, file):
            return
        for pid in _workers(file):
            _send(pid, number)
        _wait_for_flock(file, seconds)
    if not _is_locked(fcntl.flock, file):
        # The processes are of another user, or of another container that shares the folder.
        raise InUse


def _is_locked(take: Callable[[int, int], None], file: int) -> bool:
    try:
        take(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _wait_for_flock(file: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not _is_locked(fcntl.flock, file) and time.monotonic() < deadline:
        time.sleep(0.05)


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _workers(file: int) -> list[int]:
    """Return the processes that have inherited the lock, as the kernel lists them."""
    own = os.fstat(file)
    pids = [int(one.name) for one in Path("/proc").glob("[0-9]*") if one.name.isdigit()]
    return [pid for pid in pids if pid != os.getpid() and _has_lock(pid, own)]


def _has_lock(pid: int, locked: os.stat_result) -> bool:
    """Return whether the process has this file open, and so has the lock."""
    try:
        return any(_is_lock(one, locked) for one in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def _is_lock(opened: Path, locked: os.stat_result) -> bool:
    try:
        if not os.path.samestat(opened.stat(), locked):
            return False
        return "FLOCK" in (opened.parents[1] / "fdinfo" / opened.name).read_text()
    except FileNotFoundError:
        return False
