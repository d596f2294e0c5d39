"""pg_dump and pg_restore: the project's own, or those of the system."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tools.errors import LauncherError
from tools.local_postgres import binaries, libpq


def find(name: str) -> Path:
    """Return the program. Raises LauncherError when there is none."""
    try:
        return binaries.find().program(name)
    except LauncherError:
        found = shutil.which(name)
    if found is None:
        raise LauncherError(
            f"{name} is missing: install PostgreSQL's client programs of the server's version or "
            "a later one, or requirements/run.txt."
        )
    return Path(found)


def run(name: str, url: str, arguments: Sequence[str | Path]) -> None:
    """Run it, connected to that database. Raises LauncherError with what it complained of."""
    done = subprocess.run(
        [find(name), "--no-password", *arguments],
        env=libpq.environment(url),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise LauncherError(f"{name} failed. Read why: {complaint(done.stderr) or done.returncode}")


def complaint(printed: str) -> str:
    """Return the first error that a program tells of, for the others come of it."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    _, _, said = next((line for line in lines if "error:" in line), "").partition("error: ")
    return said or (lines[-1] if lines else "")
