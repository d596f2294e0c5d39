"""Numbers for the processes of a server: each process has one until it ends.

A lock on a file reserves a number. The lock ends with the process, also if the process is killed.
"""

import fcntl
import os
from itertools import count
from pathlib import Path


def take(folder: Path, name: str) -> tuple[int, int]:
    """Returns an open file and its number, the first that no living process has. The number belongs
    to this process until the file is closed.

    Raises OSError if the file system has no locks.
    """
    for number in count():
        file = _opened(folder, name, number)
        if _is_locked(file):
            return file, number
        os.close(file)
    raise AssertionError


def _opened(folder: Path, name: str, number: int) -> int:
    file = folder / f"{name}.{number}.slot"
    return os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _is_locked(file: int) -> bool:
    """Locks the file, if it is free. Returns whether this process has the lock now."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
