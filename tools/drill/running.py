"""`make run` in a separate folder, and its processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.errors import LauncherError
from tools.local_postgres import Cluster
from tools.ports import free_port
from tools.processes import children
from tools.run import leftovers
from tools.run.folder import RunFolder

CHECKOUT = Path(__file__).resolve().parents[2]
START_SECONDS = 180.0
STOP_SECONDS = 60.0
WORKERS = 2
READY = "Ctrl-C stops everything."
NOT_OURS = ("DATABASE_URL", "OWNER_DATABASE_URL", "WORKER_DATABASE_URL", "DEMO", "SECRET_KEY")


@dataclass
class Running:
    """A run on this machine; the launcher alone starts again what ends."""

    folder: Path
    port: int
    launcher: subprocess.Popen[bytes]

    @property
    def base_url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def cluster(self) -> Cluster:
        """Its PostgreSQL, seen from outside."""
        return Cluster(self.folder / "data" / "postgresql")

    @property
    def printed(self) -> str:
        """What the launcher said so far."""
        return (self.folder / "terminal").read_text(errors="replace")

    @property
    def server(self) -> int | None:
        """The web server's main process."""
        return self._command_under("larder.ops.serve")

    @property
    def web_workers(self) -> list[int]:
        """The processes that serve."""
        server = self.server
        return children(server) if server else []

    @property
    def job_worker(self) -> int | None:
        """The worker of jobs."""
        return self._command_under("procrastinate")

    @property
    def whole(self) -> bool:
        """Whether every process is there."""
        return (
            len(self.web_workers) == WORKERS
            and self.job_worker is not None
            and self.cluster.pid is not None
        )

    def keeper(self, program: str) -> int | None:
        """The keeper whose command names that program."""
        for pid in children(self.launcher.pid):
            words = command_line(pid)
            if program in " ".join(words[words.index("--") :] if "--" in words else []):
                return pid
        return None

    def _command_under(self, program: str) -> int | None:
        keeper = self.keeper(program)
        return next(iter(children(keeper)), None) if keeper else None


def command_line(pid: int) -> list[str]:
    """Return a process's arguments; none when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
    except OSError:
        return []


@contextmanager
def started(*, logs: Path) -> Iterator[Running]:
    """Start everything and wait until it is ready; afterwards nothing of it is left but its logs.

    Raises LauncherError with what the launcher said when it does not start.
    """
    if sys.platform != "linux":
        raise LauncherError("The drill finds the processes that it kills in /proc: Linux only.")
    folder = Path(tempfile.mkdtemp(prefix="larder-drill-"))
    folder.chmod(0o711)
    running = start(folder)
    try:
        wait_until_ready(running)
        yield running
    finally:
        stop(running)
        keep_logs(running, logs)
        shutil.rmtree((folder / "data" / "postgresql" / "server").resolve(), ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def start(folder: Path) -> Running:
    """Start the launcher, as `make run` does."""
    port = free_port()
    own = {"DATA": str(folder / "data"), "PORT": str(port), "WORKERS": str(WORKERS), "HOST": ""}
    inherited = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
    with (folder / "terminal").open("wb") as terminal:
        launcher = subprocess.Popen(
            [sys.executable, "-m", "tools.run", "--end-with-parent"],
            cwd=CHECKOUT,
            env={**inherited, **own},
            stdin=subprocess.DEVNULL,
            stdout=terminal,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Running(folder, port, launcher)


def wait_until_ready(running: Running) -> None:
    """Return when the launcher says so."""
    deadline = time.monotonic() + START_SECONDS
    while READY not in running.printed:
        if running.launcher.poll() is not None or time.monotonic() > deadline:
            raise LauncherError(f"Larder did not start:\n{running.printed}")
        time.sleep(0.1)


def keep_logs(running: Running, folder: Path) -> None:
    """Copy all logs into the folder, to find the cause of a failure."""
    logs = (running.folder / "data").glob("*/*.log")
    for path in (running.folder / "terminal", *logs):
        shutil.copyfile(path, folder / path.name)


def stop(running: Running) -> None:
    """End everything, as Ctrl-C does; by force what does not want to."""
    running.launcher.send_signal(signal.SIGTERM)
    try:
        running.launcher.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        running.launcher.kill()
        running.launcher.wait()
    if (running.folder / "data").exists():
        leftovers.end(RunFolder(running.folder / "data").mark)
