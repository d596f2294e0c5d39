"""Data folders: made private, used by one launcher at a time."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from larder.local.terminal import LauncherError


def open_folder(path: Path) -> None:
    """Make the folder if need be. Raises LauncherError when it cannot be written."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = path / f".probe-{os.getpid()}"
        probe.write_bytes(b"\0" * 65536)
        probe.unlink()
    except OSError as error:
        raise LauncherError(
            f"The data folder {path} cannot be used: {error.strerror}. Choose another with DATA=."
        ) from None


def write_private(path: Path, text: str) -> None:
    """Write a file readable by its owner only, all of it or nothing, and onto the disk."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Bring a file, or a folder's entries, a rename among them, onto the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class FolderLock:
    """One holder at a time; the kernel lets go when the holder dies. The file names its pid."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self, *, timeout: float) -> bool:
        """Take the lock, waiting up to `timeout` seconds; False when another keeps it."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        if not locked_within(descriptor, timeout):
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        # What is forked from this process does not have the lock when this one has died.
        os.register_at_fork(after_in_child=self.release)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        return True

    @property
    def held(self) -> bool:
        """Whether any process has the lock, this one included."""
        if not self.path.exists():
            return False
        with self.path.open() as stream:
            return not locked_within(stream.fileno(), 0.0)

    def release(self) -> None:
        """Let the next one in."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def locked_within(descriptor: int, seconds: float) -> bool:
    """Try to lock an open file until `seconds` have passed."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.05)
        else:
            return True
