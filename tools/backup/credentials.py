"""Ends what opened an account when the backup was made, by the command that every restore runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from tools.backup.manifest import CHECKOUT
from tools.errors import LauncherError


@dataclass(frozen=True)
class Ended:
    """How many were live in the backup."""

    sessions: int
    keys: int


def end(environment: Mapping[str, str]) -> Ended:
    """End every log-in, key, link of a mail and session of the admin; all of them or none.

    The environment names the database (`OWNER_DATABASE_URL`). Raises LauncherError.
    """
    done = subprocess.run(
        [sys.executable, "manage.py", "end_sessions_and_keys", "--format", "json"],
        cwd=CHECKOUT,
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        raise LauncherError(f"Log-ins and keys could not be ended. Read why, and try again: {last}")
    counts = json.loads(done.stdout)
    return Ended(sessions=counts["sessions"], keys=counts["keys"])
