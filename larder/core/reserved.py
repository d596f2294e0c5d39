"""Creates files for memory mappings, with all blocks allocated before the first write.

A file that is only extended (truncate) has no blocks. Writing to a mapping of it allocates one. If
the disk is full by then, the kernel ends the process (SIGBUS), and no `except` catches that.
"""

import os
from pathlib import Path


def reserve(file: int, start: int, end: int) -> None:
    """Appends zeros to an open file of `start` bytes until it has `end` bytes, all allocated.

    Raises OSError, with the file as long as before, if the disk is full.
    """
    try:
        done = start
        while done < end:
            done += os.pwrite(file, bytes(end - done), done)
        if hasattr(os, "posix_fallocate"):
            # A file system with delayed allocation may not have allocated the blocks yet.
            os.posix_fallocate(file, start, end - start)
    except OSError:
        os.ftruncate(file, start)
        raise


def make(path: Path, size: int) -> None:
    """Creates a file of `size` zero bytes, all allocated, unless the path exists.

    The file appears atomically. Raises OSError, with no file left.
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
