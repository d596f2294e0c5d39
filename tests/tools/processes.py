"""Queries of processes for the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

Start = Callable[..., "subprocess.Popen[str]"]


def parent_of(pid: int) -> int:
    """Return the parent's pid."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def end_line(process: subprocess.Popen[str]) -> str:
    """Wait for a failure and return what it said."""
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1, errors
    return errors


def python_for(uid: int) -> list[str]:
    """Return how that user starts this Python; the test is skipped where they cannot.

    The environment's own interpreter may lie in a home that only its owner may enter, as pyenv's
    does; a packaged one of the same version then reads the environment's packages.
    """
    packaged = shutil.which("python{}.{}".format(*sys.version_info), path="/usr/bin:/usr/local/bin")
    packages = f"PYTHONPATH={sysconfig.get_path('purelib')}"
    for command in ([sys.executable], ["/usr/bin/env", packages, packaged or sys.executable]):
        if _can_start(uid, [*command, "-c", "import psycopg"]):
            return command
    pytest.skip(f"no Python {sys.version_info[:2]} here can be started by user {uid}")


def _can_start(uid: int, command: list[str]) -> bool:
    try:
        asked = subprocess.run(
            command, user=uid, group=uid, extra_groups=[], capture_output=True, check=False
        )
    except PermissionError:
        return False
    return asked.returncode == 0


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
