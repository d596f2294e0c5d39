"""Collects the static files into the data folder, when they are others than at the last start."""

from __future__ import annotations

import hashlib
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from tools.processes import Kept
from tools.terminal import LauncherError

COMMAND = [sys.executable, "manage.py", "collectstatic", "--no-input", "--clear", "--verbosity=0"]


class Collection:
    """The files below `folder`, and a stamp beside it that says of what they were made.

    The command takes seconds, so it runs while other things are prepared: begin(), end().
    """

    def __init__(self, folder: Path, checkout: Path) -> None:
        self.folder = folder
        self._checkout = checkout
        self._stamp = folder.with_name(f"{folder.name}.version")
        self._running: Kept | None = None
        self._version = ""

    def begin(self, environment: dict[str, str]) -> None:
        """Start to collect, unless what is there is of this version."""
        self._version = version(self._checkout)
        if self._stamp.exists() and self._stamp.read_text() == self._version:
            return
        self._stamp.unlink(missing_ok=True)
        self._running = Kept(COMMAND, environment=environment)

    def end(self) -> None:
        """Wait until all are there. Raises LauncherError if they could not be collected."""
        if self._running is None:
            return
        status = self._running.wait()
        self.close()
        if status != 0:
            raise LauncherError(f"Read above why collectstatic failed (status {status}).")
        self._stamp.write_text(self._version)

    def close(self) -> None:
        """Stop collecting."""
        if self._running is not None:
            self._running.close()
            self._running = None


def version(checkout: Path) -> str:
    """Return a digest of the checkout's static files and of the names of the installed packages,
    which have their versions in them."""
    digest = hashlib.sha256()
    for line in _sources(checkout):
        digest.update(line.encode() + b"\0")
    return digest.hexdigest()


def _sources(checkout: Path) -> Iterator[str]:
    yield from sorted(one.name for one in Path(sysconfig.get_path("purelib")).glob("*.dist-info"))
    naming = [
        checkout / "larder" / "http" / "static_files.py",
        checkout / "config" / "settings.py",
    ]
    files = (one for one in checkout.glob("larder/*/static/**/*") if one.is_file())
    for path in (*sorted(files), *(one for one in naming if one.exists())):
        yield str(path.relative_to(checkout))
        yield hashlib.sha256(path.read_bytes()).hexdigest()
