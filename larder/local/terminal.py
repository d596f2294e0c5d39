"""Lines for the terminal, and the error that is one."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator


class LauncherError(Exception):
    """Something outside the program is in the way; the message is meant for the terminal."""


def say(line: str) -> None:
    """Print a line now; a terminal that is gone is no reason to stop."""
    with contextlib.suppress(OSError):
        print(line, flush=True)  # noqa: T201


def complain(line: str) -> None:
    """Print a line to standard error."""
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)  # noqa: T201


@contextlib.contextmanager
def step(done: str) -> Iterator[None]:
    """Say `done` and how many seconds it took, once it is."""
    started = time.monotonic()
    yield
    say(f"{done:<44}{time.monotonic() - started:6.1f} s")
