"""A real server for tests: granian, as in production, against the test's own database."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from larder.ops.serve import CONNECTIONS
from tools.http_client import Client, Reply
from tools.processes import free_port, listens

__all__ = ["ROOT", "Reply", "Server"]

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Server(Client):
    """`with Server(workers=2) as server: server.call("GET", "/livez")`."""

    workers: int = 2
    threads: int = 32
    environment: dict[str, str] = field(default_factory=dict)
    application: str = "larder.config.asgi:application"
    options: tuple[str, ...] = ()
    errors: Path | None = None
    """The file for what it logs. Without one, standard error of the tests."""
    port: int = 0
    _process: subprocess.Popen[bytes] | None = None
    _log: Path = Path()
    _shared: tempfile.TemporaryDirectory[str] | None = None

    def __post_init__(self) -> None:
        super().__init__(self.port)

    def __enter__(self) -> "Server":
        self.port = free_port()
        command = [
            *(sys.executable, "-m", "larder.ops.serving.granian_server"),
            *("--interface", "asginl", "--no-ws", "--http", "1"),
            *("--port", str(self.port), "--workers", str(self.workers)),
            *("--backpressure", str(CONNECTIONS)),
            *("--workers-kill-timeout", "3"),
            *(*self.options, self.application),
        ]
        self._shared = tempfile.TemporaryDirectory(prefix="larder-shared-")
        own = {
            "WORKERS": str(self.workers),
            "THREADS": str(self.threads),
            "DB_POOL_SIZE": "8",
            "PROMETHEUS_MULTIPROC_DIR": self._shared.name,
        }
        environment = os.environ | own | self.environment
        descriptor, log = tempfile.mkstemp(prefix="larder-server-", suffix=".log")
        self._log = Path(log)
        with ExitStack() as files:
            output = files.enter_context(os.fdopen(descriptor, "wb"))
            errors = files.enter_context(self.errors.open("ab")) if self.errors else None
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=output, stderr=errors
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    @property
    def shared(self) -> Path:
        """The folder that its processes share."""
        assert self._shared is not None
        return Path(self._shared.name)

    def __exit__(self, *error: object) -> None:
        assert self._process is not None
        self.hang_up_all()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.unlink()
        if self._shared is not None:
            self._shared.cleanup()

    def _wait_until_ready(self) -> None:
        """Until every worker has started, for one that still does would miss the order to end, and
        they listen, which they do a moment after they say that they have started."""
        assert self._process is not None
        deadline = time.monotonic() + 100
        while time.monotonic() < deadline and self._process.poll() is None:
            started = self._log.read_text().count("Started worker-") >= self.workers
            if started and listens(self.port):
                return
            time.sleep(0.02)
        raise AssertionError(f"the server did not start:\n{self._log.read_text()}")

    @property
    def pid(self) -> int:
        """Granian's main process; its children are the workers."""
        assert self._process is not None
        return self._process.pid

    def token(self, username: str, password: str) -> str:
        """Logs in."""
        answer = self.call("POST", "auth/token", {"username": username, "password": password})
        assert answer.status == 200, answer.body
        return str(answer.body["access"])
