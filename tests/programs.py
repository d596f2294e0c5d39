"""Programs that tests run to their end."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.database import ROOT


def printed(
    command: Sequence[str | Path],
    *,
    folder: Path = ROOT,
    environment: Mapping[str, str] | None = None,
    seconds: float = 300,
) -> str:
    """Runs a program and returns what it printed. Fails with all of its output if its status is not
    0. Without `environment` it has that of the test."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ if environment is None else environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
