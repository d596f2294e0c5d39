"""Commands that end with their launcher, and their logs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import IO

from larder.local.unprivileged import system_call

PR_SET_PDEATHSIG = 1
DEFAULT = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP)
"""What a background shell may have ignored."""
PAUSE_SECONDS = 2.0
"""Between the end of a service and its next start."""
LOG_BYTES, TAIL_BYTES = 50_000_000, 8_000


Command = Sequence[str | Path] | Callable[[], object]
"""A program with its arguments, or a function for a process that is forked from this one: it has
loaded what this one has, and its environment."""


class Kept:
    """Starts a command, which `close` stops. On Linux the kernel sends it the first signal when the
    thread that started it ends, so start it in one that does not end before.

    `stop` has names of signals without SIG, and seconds of grace; SIGKILL follows. `become` takes
    on another identity in the child. `output` takes standard output and error; None leaves them on
    the terminal. `folder` is where it runs, instead of here. The absolute path of the program
    comes first.
    """

    def __init__(  # noqa: PLR0913
        self,
        command: Command,
        stop: Sequence[tuple[str, float]] = (("TERM", 5.0),),
        *,
        become: Callable[[], None] | None = None,
        environment: Mapping[str, str] | None = None,
        output: IO[bytes] | int | None = None,
        folder: Path | None = None,
    ) -> None:
        self._steps = [(signal.Signals[f"SIG{name}"], seconds) for name, seconds in stop]
        self._ordered_at: float | None = None
        prepare = partial(_prepare, become, self._steps[0][0], os.getpid())
        if callable(command):
            process = Forked(target=_work, args=(command, prepare, output))
            process.start()
            self._process: Forked | subprocess.Popen[bytes] = process
            return
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
            env=environment,
            cwd=folder,
            start_new_session=True,
            preexec_fn=prepare,  # noqa: PLW1509
        )

    @property
    def pid(self) -> int:
        """The process id of the command."""
        return self._process.pid or 0

    @property
    def status(self) -> int | None:
        """None while the command runs, afterwards its exit status: 128 + n if signal n ended it."""
        code = self._process.poll()
        if code is None:
            return None
        self._end_group()
        return code if code >= 0 else 128 - code

    def wait(self, seconds: float | None = None) -> int:
        """Return the exit status; subprocess.TimeoutExpired after `seconds`."""
        self._process.wait(seconds)
        return self.status or 0

    def order_stop(self) -> None:
        """Send the first signal without waiting for the end."""
        if self._ordered_at is None and self.status is None:
            self._ordered_at = time.monotonic()
            self._process.send_signal(self._steps[0][0])

    def close(self) -> int:
        """Stop the command, wait for its end and return the exit status."""
        self.order_stop()
        elapsed = time.monotonic() - (self._ordered_at or 0.0)
        for number, seconds in [(None, self._steps[0][1] - elapsed), *self._steps[1:]]:
            if number is not None:
                self._process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                return self.wait(max(0.0, seconds))
        self._end_group()
        return self.wait()

    def _end_group(self) -> None:
        """Kill the process group: the command, or what it has left behind."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def __enter__(self) -> Kept:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class Forked(ForkProcess):
    """A process that runs a function, with the methods of Popen."""

    def poll(self) -> int | None:
        """Return the exit status, None while it runs."""
        return self.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status. Raises subprocess.TimeoutExpired."""
        self.join(timeout)
        if self.exitcode is None:
            raise subprocess.TimeoutExpired(self.name, timeout or 0.0)
        return self.exitcode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.is_alive():
            os.kill(self.pid or 0, number)


def _work(
    command: Callable[[], object], prepare: Callable[[], None], output: IO[bytes] | int | None
) -> None:
    os.setsid()
    prepare()
    if output is not None:
        for descriptor in (1, 2):
            os.dup2(output if isinstance(output, int) else output.fileno(), descriptor)
    # What is printed is in the log at once.
    sys.stdout, sys.stderr = (os.fdopen(n, "w", buffering=1, closefd=False) for n in (1, 2))
    command()


def _prepare(become: Callable[[], None] | None, number: int, launcher: int) -> None:
    """In the child: take on the identity, and tie it to the launcher, which a change of identity
    would undo."""
    for ignored in DEFAULT:
        signal.signal(ignored, signal.SIG_DFL)
    if become is not None:
        become()
    if sys.platform == "linux":
        system_call("prctl", PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != launcher:
            os._exit(128 + signal.SIGKILL)


@dataclass
class LogFile:
    """What services append to. tail() reads what came since begin()."""

    path: Path
    _from: int = 0

    def begin(self) -> LogFile:
        """Remember where the lines of this start begin."""
        self.limit()
        self._from = self.path.stat().st_size if self.path.exists() else 0
        return self

    def limit(self) -> None:
        """Copy a large log, of which one copy is kept, and empty it under its writers."""
        if self.path.exists() and self.path.stat().st_size > LOG_BYTES:
            shutil.copyfile(self.path, self.path.with_name(f"{self.path.name}.1"))
            os.truncate(self.path, 0)
            self._from = 0

    def tail(self, lines: int) -> list[str]:
        """Return the last lines since begin()."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as stream:
            end = stream.seek(0, os.SEEK_END)
            stream.seek(max(self._from, end - TAIL_BYTES))
            return stream.read().decode(errors="replace").splitlines()[-lines:]


@dataclass
class Service:
    """A command that is started again when it ends, and whose output goes to a log file."""

    name: str
    command: Command
    environment: Mapping[str, str] | None
    log: LogFile
    _kept: Kept | None = None
    _due: float = 0.0

    def start(self) -> None:
        """Start the command."""
        with self.log.path.open("ab") as output:
            self._kept = Kept(self.command, environment=self.environment, output=output)

    @property
    def running(self) -> bool:
        """Whether the command runs."""
        return self._kept is not None and self._kept.status is None

    def tend(self) -> str | None:
        """Notice an end, start again when it is time; return a line for the terminal."""
        self.log.limit()
        if self.running:
            return None
        if self._kept is not None:
            status, self._kept = self._kept.close(), None
            self._due = time.monotonic() + PAUSE_SECONDS
            return f"The {self.name} ended with status {status}: next start soon ({self.log.path})."
        if time.monotonic() >= self._due:
            self.start()
        return None

    def order_stop(self) -> None:
        """Begin to stop without waiting."""
        if self._kept is not None:
            self._kept.order_stop()

    def close(self) -> None:
        """Stop and wait."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None


def manage(*arguments: str) -> None:
    """Run a command of Django's command line."""
    from django.core.management import execute_from_command_line

    execute_from_command_line(["larder manage", *arguments])


def prepare(*arguments: str) -> None:
    """Run `manage.py prepare`, without the time limits of the server's statements: on a slow
    machine the demo's products take longer."""
    os.environ["PGOPTIONS"] = "-c statement_timeout=0"
    manage("prepare", *arguments)
