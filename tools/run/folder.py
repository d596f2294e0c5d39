"""The data folder of a run: one run at a time, and the secrets that outlive it.

lock         held by the supervisor; says "stopping" once it is on its way out
secret_key   of the server
log/         server.log, worker.log
postgresql/  see tools/local_postgres
"""

from __future__ import annotations

import secrets
from pathlib import Path

from tools.folders import FolderLock, open_folder, write_private
from tools.terminal import LauncherError

FREE_MEGABYTES = 64
BRIEF_SECONDS = 3.0
STOPPING_SECONDS = 40.0


class RunFolder:
    """The folder DATA; open() makes it ours until close()."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = FolderLock(path / "lock")

    def open(self) -> None:
        """Check the folder and lock it, waiting for a run that is about to end.

        Raises LauncherError: not writable, too little space, or in use by a live run.
        """
        open_folder(self.path, free_megabytes=FREE_MEGABYTES)
        if self._lock.acquire(timeout=BRIEF_SECONDS):
            return
        if "stopping" in self._lock.holder() and self._lock.acquire(timeout=STOPPING_SECONDS):
            return
        raise LauncherError(
            f"Larder already runs on the data folder {self.path} (process "
            f"{self._lock.holder()}): stop it, or choose another folder with DATA=."
        )

    def say_stopping(self) -> None:
        """Tell the next run that waiting is worth while."""
        self._lock.note("stopping")

    def close(self) -> None:
        """Let the next run in."""
        self._lock.release()

    @property
    def secret_key(self) -> str:
        """The server's secret key, the same at every start."""
        return self._kept_secret("secret_key", 48)

    def log(self, name: str) -> Path:
        """Return the path of a log file."""
        (self.path / "log").mkdir(exist_ok=True)
        return self.path / "log" / f"{name}.log"

    def _kept_secret(self, name: str, length: int) -> str:
        path = self.path / name
        if not path.exists():
            write_private(path, secrets.token_urlsafe(length) + "\n")
        return path.read_text().strip()
