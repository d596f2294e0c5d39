"""Files that are mapped into memory, with every block allocated before the first write.

A file that is only made longer (truncate) has no blocks. Writing to a mapping of it allocates one,
and where the disk is full by then, the kernel ends the process (SIGBUS): no `except` catches that.
"""

import os
from pathlib import Path


def reserve(file: int, start: int, end: int) -> None:
    """Append zeros to an open file of `start` bytes until it has `end`, all of them allocated.

    Raises OSError, with the file as long as before, where the disk has no room for them.
    """
    try:
        done = start
        while done < end:
            done += os.pwrite(file, bytes(end - done), done)
        if hasattr(os, "posix_fallocate"):
            # Where blocks are allocated late, zeros alone may not have theirs yet.
            os.posix_fallocate(file, start, end - start)
    except OSError:
        os.ftruncate(file, start)
        raise


def make(path: Path, size: int) -> None:
    """Make a file of `size` zero bytes, all of them allocated, unless there is one of that name.

    It appears at once and complete. Raises OSError, with nothing left behind.
    """
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    file = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        reserve(file, 0, size)
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        os.close(file)
        draft.unlink()
