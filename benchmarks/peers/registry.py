"""Peers come from their registries, through pip and npm as they are set up here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.installation import PASSED_ON
from tools.errors import LauncherError
from tools.terminal import step

MARK = "installed"
LIMIT_SECONDS = 900.0


def environment() -> dict[str, str]:
    """The little of this terminal's that a peer's programs get."""
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ}


def install_python(folder: Path, requirements: Path) -> None:
    """A virtual environment in `folder`/venv. Raises LauncherError."""
    venv = folder / "venv"
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps"]
    make = [sys.executable, "-m", "venv", str(venv)]
    install(folder, requirements, [make, [*pip, "--requirement", requirements.name]])


def install(folder: Path, pins: Path, commands: Sequence[Sequence[str]]) -> None:
    """Runs `commands` in `folder`, beside a copy of `pins`; not if they were run for these.

    Raises LauncherError of one line.
    """
    mark = folder / MARK
    if mark.exists() and mark.read_text() == pins.read_text():
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(pins, folder)
    with step(f"{folder.name} installed"):
        for command in commands:
            _run(command, folder)
    mark.write_text(pins.read_text())


def _run(command: Sequence[str], folder: Path) -> None:
    log = folder / "install.log"
    with log.open("ab") as output:
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                stdout=output,
                stderr=output,
                timeout=LIMIT_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise LauncherError(f"{Path(command[0]).name}: {error}") from error
    if done.returncode:
        lines = log.read_text(errors="replace").split("\n")
        said = " ".join(line.strip() for line in lines if "error" in line.lower()) or f"see {log}"
        raise LauncherError(f"{Path(command[0]).name} ended with {done.returncode}: {said[:300]}")
