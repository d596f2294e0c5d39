"""A revision of the project in a folder of its own."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.errors import LauncherError

CHECKOUT = Path(__file__).resolve().parents[1]


@contextmanager
def revision(name: str) -> Iterator[Path]:
    """Give a checkout of that revision, for the time of the block. Raises LauncherError."""
    with tempfile.TemporaryDirectory(prefix="larder-revision-") as folder:
        checkout = Path(folder) / "previous"
        _git("worktree", "add", "--detach", str(checkout), name)
        try:
            yield checkout
        finally:
            _git("worktree", "remove", "--force", str(checkout))


def _git(*words: str) -> None:
    command = subprocess.run(
        ["git", *words], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    if command.returncode != 0:
        raise LauncherError(f"git {words[0]} {words[1]}: {command.stderr.strip()}")
