"""Numbers for the processes of a server: each has one, kept as long as it lives.

A lock on a file says that a number is taken, for it ends with its process, however that ends.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path


def take(folder: Path, name: str) -> tuple[int, int]:
    """A file that is this process's now, and its number: the first that no living process has.

    Raises OSError where files take no locks.
    """
    for number in count():
        seat = opened(folder / f"{name}.{number}.seat")
        if locked(seat):
            return seat, number
        os.close(seat)
    raise AssertionError


@contextmanager
def locked_if_free(folder: Path, name: str, number: int) -> Iterator[bool]:
    """Whether no living process has the number; none gets it before the end of the block.

    Raises OSError where files take no locks.
    """
    seat = opened(folder / f"{name}.{number}.seat")
    try:
        yield locked(seat)
    finally:
        os.close(seat)


def opened(file: Path) -> int:
    """The file, made if need be. Raises OSError."""
    return os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def locked(file: int) -> bool:
    """Whether it is this process's now. Raises OSError where files take no locks."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
