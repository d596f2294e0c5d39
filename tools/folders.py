"""Data folders: made private, checked before anything is started in them, used by one at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import pwd
import shutil
import tempfile
import time
from pathlib import Path

from tools.terminal import LauncherError

MEGABYTE = 1024 * 1024

REASONS = {
    errno.EROFS: "its file system is read-only",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.ENOTDIR: "there is a file where a folder is needed",
    errno.EEXIST: "there is a file where a folder is needed",
}


def user_name(uid: int | None = None) -> str:
    """Return the name of a user (ours when None), or the bare number."""
    number = os.geteuid() if uid is None else uid
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"number {number}"


def refusal(path: Path, error: OSError) -> LauncherError:
    """Put a failed file operation into one line."""
    if error.errno in (errno.EACCES, errno.EPERM):
        reason = f"user {user_name()} may not write there"
    else:
        reason = REASONS.get(error.errno or 0, str(error.strerror))
    return LauncherError(f"The data folder {path} cannot be used: {reason}. Set DATA to another.")


def open_folder(path: Path, *, free_megabytes: int) -> None:
    """Make the folder if need be and prove that it can be written.

    As root others may pass through it, for PostgreSQL then runs under another user's id.
    Raises LauncherError: read-only, not ours, too little space.
    """
    try:
        path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path, prefix=".probe-") as probe:
            probe.write(b"\0" * 65536)
            probe.flush()
    except OSError as error:
        raise refusal(path, error) from None
    free = shutil.disk_usage(path).free // MEGABYTE
    if free < free_megabytes:
        raise LauncherError(
            f"The data folder {path} has {free} MB free, {free_megabytes} MB are needed: make "
            "room, or set DATA to another folder."
        )


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
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise refusal(self.path.parent, error) from None
        if not locked_within(descriptor, timeout):
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        self.note("")
        return True

    def note(self, text: str) -> None:
        """Write our pid and a word about what we are doing into the file."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()} {text}".encode(), 0)

    @property
    def held(self) -> bool:
        """Whether any process has the lock, this one included."""
        if self._descriptor is not None:
            return True
        if not self.path.exists():
            return False
        with self.path.open() as stream:
            return not locked_within(stream.fileno(), 0.0)

    def holder(self) -> str:
        """Return what the holder wrote: its pid, perhaps a word."""
        return self.path.read_text().strip() or "unknown"

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
