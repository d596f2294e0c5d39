"""What the tests ask about processes."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Start = Callable[..., "subprocess.Popen[str]"]


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Poll until the condition holds; False when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def alive(pid: int) -> bool:
    """Say whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def parent_of(pid: int) -> int:
    """Return the parent's pid."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def end_line(process: subprocess.Popen[str]) -> str:
    """Wait for a failure and return what it said."""
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 1, errors
    return errors


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
