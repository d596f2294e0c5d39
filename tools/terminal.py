"""Lines for the terminal, and the error that is one."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator

REMINDER_SECONDS = 10.0
"""After which a step that is not done says that it still goes on, and again after each as many."""
GREEN, DIM = "32", "2"


def say(line: str) -> None:
    """Print a line now; a terminal that is gone is no reason to stop."""
    with contextlib.suppress(OSError):
        print(line, flush=True)  # noqa: T201


def complain(line: str) -> None:
    """Print a line to standard error."""
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)  # noqa: T201


def coloured(text: str, colour: str) -> str:
    """Return the text in an ANSI colour, or as it is where the output takes none."""
    if os.environ.get("NO_COLOR") or not sys.stdout.isatty():
        return text
    return f"\033[{colour}m{text}\033[0m"


@contextlib.contextmanager
def step(done: str, *, reminds: bool = True) -> Iterator[None]:
    """Say `done` and how many seconds it took, once it is; while it is not, every ten seconds that
    it goes on, unless the step says so itself."""
    started, ended = time.monotonic(), threading.Event()
    reminder = threading.Thread(target=_remind, args=(done, started, ended), daemon=True)
    if reminds:
        reminder.start()
    try:
        yield
    finally:
        ended.set()
        if reminds:
            reminder.join()
    seconds = f"{time.monotonic() - started:6.1f} s"
    say(f"{coloured(f'{done:<44}', GREEN)}{coloured(seconds, DIM)}")


def _remind(done: str, started: float, ended: threading.Event) -> None:
    while not ended.wait(REMINDER_SECONDS):
        say(coloured(f"  {time.monotonic() - started:.0f} s, not yet: {done}", DIM))


class LauncherError(Exception):
    """Something outside the program is in the way; the message is meant for the terminal."""
