"""A log file that a child process appends to: kept small, and read when the child has failed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

LIMIT_BYTES = 50_000_000
TAIL_BYTES = 8_000


class LogFile:
    """begin() marks where the present start's lines are; tail() reads only those."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._from = 0

    def begin(self) -> None:
        """Remember where the lines of this start begin."""
        self.limit()
        self._from = self._size()

    def limit(self) -> None:
        """Copy a large log, of which one copy is kept, and empty it under its writers (they
        append)."""
        if self._size() > LIMIT_BYTES:
            shutil.copyfile(self.path, self.path.with_name(f"{self.path.name}.1"))
            os.truncate(self.path, 0)
            self._from = 0

    def tail(self, lines: int = 200) -> str:
        """Return the last lines since begin()."""
        if not self.path.exists():
            return ""
        with self.path.open("rb") as stream:
            end = stream.seek(0, os.SEEK_END)
            stream.seek(max(self._from, end - TAIL_BYTES))
            text = stream.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def _size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0
