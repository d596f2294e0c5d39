"""The folder of the server's Unix socket, whose path the kernel wants short."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from tools.errors import LauncherError
from tools.local_postgres.identity import Place

LONGEST_PATH = 103
"""sun_path holds 108 bytes on Linux and 104 on macOS, the closing zero included."""
NAME = ".s.PGSQL.5432"


def make_folder(place: Place) -> Path:
    """Return a new temporary folder for the socket, to which `socket` links in the server's own.

    Raises LauncherError when no path is short enough.
    """
    for parent in (tempfile.gettempdir(), "/tmp"):  # noqa: S108
        # A comma would make two of it: in an address, `host` is a list.
        if len(os.fsencode(parent)) + 20 + len(NAME) <= LONGEST_PATH and "," not in parent:
            break
    else:
        raise LauncherError("The path of PostgreSQL's socket is too long: set TMPDIR to another.")
    folder = Path(tempfile.mkdtemp(prefix="larder-", dir=parent))
    os.chown(folder, place.identity.uid, place.identity.gid)
    link = place.server / "socket"
    # What a killed server left, or a folder was copied with, may be another server's.
    link.unlink(missing_ok=True)
    link.symlink_to(folder)
    return folder


def remove_folder(server: Path) -> None:
    """Remove the socket's folder, after the server that this process started has ended."""
    link = server / "socket"
    shutil.rmtree(link.resolve(), ignore_errors=True)
    link.unlink(missing_ok=True)
