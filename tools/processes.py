"""Processes: commands that end with their launcher, their logs and ports, waits for them."""

from __future__ import annotations

import atexit
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO


def send(pid: int, number: int) -> None:
    """Send a signal to a process that may just have ended."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


LONGEST_WAIT = 60.0
"""Seconds until a wait gives up, on a busy machine."""


def wait_until(condition: Callable[[], bool], seconds: float = LONGEST_WAIT) -> bool:
    """Poll the condition, often at first; False when `seconds` pass without it."""
    deadline, pause = time.monotonic() + seconds, 0.001
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
        pause = min(2 * pause, 0.05)
    return True


def children(pid: int) -> list[int]:
    """The children of a process and all its threads, none when it is gone. Linux only.

    Each process is read for its parent: the kernel's own list of children forgets some while
    others start and end.
    """
    pids = sorted(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [one for one in pids if parent(one) == pid]


def parent(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def alive(pid: int) -> bool:
    """Say whether a process is there and no zombie. Linux only."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


HOST = "127.0.0.1"


def free_port() -> int:
    """Return a free port of the loopback interface, which no other process is given.

    A port that was only found free can become the source port of another connection. This one
    stays bound, without listening, until this process ends, so the kernel does not choose it for
    others. A program that names it may listen there with SO_REUSEADDR, as servers do; until then
    connections are refused. Other kernels than Linux would refuse that too, so there the port is
    released.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind((HOST, 0))
    port = int(held.getsockname()[1])
    if sys.platform == "linux":
        atexit.register(held.close)
    else:
        held.close()
    return port


def listens(port: int) -> bool:
    """Say whether a client takes connections at a port of the loopback interface."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


LIMIT_BYTES = 50_000_000
TAIL_BYTES = 8_000


class LogFile:
    """begin() marks where the present start's lines are; tail() reads only those."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._from = 0

    def begin(self) -> None:
        """Remember where the lines of this start begin."""
        self.limit()
        self._from = self._size()

    def limit(self) -> None:
        """Copy a large log, of which one copy is kept, and empty it under its writers (they
        append)."""
        if self._size() > LIMIT_BYTES:
            shutil.copyfile(self.path, self.path.with_name(f"{self.path.name}.1"))
            os.truncate(self.path, 0)
            self._from = 0

    def tail(self, lines: int = 200) -> str:
        """Return the last lines since begin()."""
        if not self.path.exists():
            return ""
        with self.path.open("rb") as stream:
            end = stream.seek(0, os.SEEK_END)
            stream.seek(max(self._from, end - TAIL_BYTES))
            text = stream.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def _size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0


REFUSED = 126
"""The status of a short command that cannot run under its identity."""
_PR_SET_PDEATHSIG = 1
_DEFAULT = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP)
"""What a background shell may have ignored."""
# Loaded before the fork: between fork and exec, a lock of another thread is never released.
_LIBRARY = ctypes.CDLL(None, use_errno=True)


def stay() -> None:
    """Become nobody else."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """How a command is kept."""

    stop: Sequence[tuple[str, float]] = (("TERM", 5.0),)
    """Names of signals without SIG, and seconds of grace; SIGKILL follows the last one."""
    become: Callable[[], None] = stay
    """Called in the child: takes on another identity."""


class Kept:
    """Starts a command, which `close` stops. On Linux the kernel sends it the first signal when the
    thread that started it ends, so start it in one that does not end before.

    `output` takes standard output and error; None leaves them on the terminal. `folder` is where
    it runs, instead of here. The absolute path of the program comes first.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        keeping: Keeping = Keeping(),
        *,
        environment: Mapping[str, str] | None = None,
        output: IO[bytes] | int | None = None,
        folder: Path | None = None,
    ) -> None:
        self._steps = [(signal.Signals[f"SIG{name}"], seconds) for name, seconds in keeping.stop]
        self._ordered_at: float | None = None
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
            env=environment,
            cwd=folder,
            start_new_session=True,
            preexec_fn=partial(_prepare, keeping.become, self._steps[0][0], os.getpid()),  # noqa: PLW1509
        )

    @property
    def pid(self) -> int:
        """The process id of the command."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """None while the command runs, afterwards its exit status: 128 + n if signal n ended it."""
        code = self._process.poll()
        if code is None:
            return None
        self._end_group()
        return code if code >= 0 else 128 - code

    def read(self) -> str:
        """Return everything the command prints, for `output=subprocess.PIPE`."""
        if self._process.stdout is None:
            return ""
        with self._process.stdout as stream:
            return bytes(stream.read()).decode(errors="replace")

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
            os.killpg(self._process.pid, signal.SIGKILL)

    def __enter__(self) -> Kept:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def run(
    command: Sequence[str | Path],
    *,
    become: Callable[[], None] = stay,
    environment: Mapping[str, str] | None = None,
) -> tuple[int, str]:
    """Run a short command to its end; return its exit status and what it printed."""
    try:
        with Kept(
            command, Keeping(become=become), environment=environment, output=subprocess.PIPE
        ) as kept:
            printed = kept.read()
            return kept.wait(), printed
    except (OSError, subprocess.SubprocessError) as error:
        return REFUSED, str(error)


def _prepare(become: Callable[[], None], number: int, launcher: int) -> None:
    """In the child: take on the identity, and tie it to the launcher, which a change of identity
    would undo."""
    for ignored in _DEFAULT:
        signal.signal(ignored, signal.SIG_DFL)
    become()
    if sys.platform == "linux":
        system_call("prctl", _PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != launcher:
            os._exit(128 + signal.SIGKILL)


def system_call(name: str, *arguments: int) -> None:
    """Call a function of the C library. Raises OSError if it returns something else than zero."""
    if getattr(_LIBRARY, name)(*map(ctypes.c_ulong, arguments)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
