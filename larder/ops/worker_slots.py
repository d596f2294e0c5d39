"""Numbers for the processes of a server: each process has one for as long as it lives.

A lock on a file reserves a number. The lock ends with its process, however the process ends.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path


def take(folder: Path, name: str) -> tuple[int, int]:
    """Returns an open file and its number, the first that no living process has. The number is this
    process's until the file is closed.

    Raises OSError where files take no locks.
    """
    for number in count():
        file = _opened(folder, name, number)
        if _is_locked(file):
            return file, number
        os.close(file)
    raise AssertionError


@contextmanager
def locked_if_free(folder: Path, name: str, number: int) -> Iterator[bool]:
    """Gives the block whether no living process has the number; no process takes it meanwhile.

    Raises OSError where files take no locks.
    """
    file = _opened(folder, name, number)
    try:
        yield _is_locked(file)
    finally:
        os.close(file)


def _opened(folder: Path, name: str, number: int) -> int:
    file = folder / f"{name}.{number}.slot"
    return os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _is_locked(file: int) -> bool:
    """Returns whether the lock is this process's now."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
