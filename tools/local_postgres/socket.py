"""The folder of the server's Unix socket, whose path the kernel wants short."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
from pathlib import Path

from tools.errors import LauncherError
from tools.local_postgres.identity import Place

# sun_path holds 108 bytes on Linux and 104 on macOS, the closing zero included.
LONGEST_PATH = 103
NAME = ".s.PGSQL.5432"


def make_folder(place: Place) -> Path:
    """Return an empty folder: the server's own, or where its path does not do, a linked one.

    Raises LauncherError when no path is short enough.
    """
    # The server was seen to be gone, so no process uses its socket.
    remove_folder(place.server)
    inside = place.server / "socket"
    if fits(inside):
        inside.mkdir(mode=0o700)
    else:
        inside.symlink_to(short_folder(place))
    os.chown(inside.resolve(), place.identity.uid, place.identity.gid)
    return inside.resolve()


def remove_folder(server: Path) -> None:
    """Remove the socket's folder. A linked one of another name is a copied folder's: not ours."""
    inside = server / "socket"
    if inside.is_symlink():
        if inside.resolve().name == short_name(server):
            shutil.rmtree(inside.resolve(), ignore_errors=True)
        inside.unlink()
    elif inside.exists():
        shutil.rmtree(inside)


def short_name(server: Path) -> str:
    """Return a name that is the same at each start and another for each server."""
    return f"larder-{hashlib.sha256(os.fsencode(server)).hexdigest()[:16]}"


def short_folder(place: Place) -> Path:
    """Make a private folder in the temporary one."""
    for parent in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108
        folder = parent / short_name(place.server)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        if not is_private(folder, place.identity.uid):
            folder = Path(tempfile.mkdtemp(prefix="larder-", dir=parent))
        if fits(folder):
            return folder
        folder.rmdir()
    raise LauncherError("The path of PostgreSQL's socket is too long: set TMPDIR to a short one.")


def is_private(folder: Path, uid: int) -> bool:
    """Say whether a folder with a guessable name is really ours or the server's alone."""
    found = folder.lstat()
    private = stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o700
    return private and found.st_uid in (uid, os.geteuid())


def fits(folder: Path) -> bool:
    """Say whether a socket in this folder can be bound, and named: `host` is a list."""
    path = os.fsencode(folder / NAME)
    return len(path) <= LONGEST_PATH and b"," not in path
