"""A real server for tests: granian, as in production, against the test's own database."""

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from larder.ops.serve import STACK_BYTES
from tools.ports import free_port, listens

ROOT = Path(__file__).resolve().parent.parent

LONGEST_IDLE = 1.0
"""Seconds after which a kept connection is not used again: the server may be closing it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, parsed body, and headers with lower-case names."""

    status: int
    body: Any
    headers: dict[str, str]


@dataclass
class Server:
    """`with Server(workers=2) as server: server.call("GET", "/livez")`."""

    workers: int = 2
    threads: int = 32
    environment: dict[str, str] = field(default_factory=dict)
    application: str = "config.wsgi:application"
    options: tuple[str, ...] = ()
    errors: Path | None = None
    """Where what it logs goes; to who runs the tests, if nowhere else."""
    port: int = 0
    _process: subprocess.Popen[bytes] | None = None
    _log: Path = Path()
    _shared: tempfile.TemporaryDirectory[str] | None = None
    _local: threading.local = field(default_factory=threading.local)
    _connections: list[http.client.HTTPConnection] = field(default_factory=list)

    def __enter__(self) -> "Server":
        self.port = free_port()
        command = [
            *(sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws", "--http", "1"),
            *("--port", str(self.port), "--workers", str(self.workers)),
            *("--blocking-threads", str(self.threads), "--blocking-threads-idle-timeout", "600"),
            *("--workers-kill-timeout", "3"),
            *(*self.options, self.application),
        ]
        self._shared = tempfile.TemporaryDirectory(prefix="larder-shared-")
        own = {
            "WORKERS": str(self.workers),
            "THREADS": str(self.threads),
            "DB_POOL_SIZE": "8",
            "SHARED_DIR": self._shared.name,
            "RUST_MIN_STACK": str(STACK_BYTES),
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
        for connection in self._connections:
            connection.close()
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
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self._process.poll() is None:
            started = self._log.read_text().count("Started worker-") >= self.workers
            if started and listens(self.port):
                return
            time.sleep(0.02)
        raise AssertionError(f"the server did not start:\n{self._log.read_text()}")

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        timeout: float = 30,
    ) -> Reply:
        """One request over this thread's kept-alive connection."""
        sent = dict(headers or {})
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        if token:
            sent["Authorization"] = f"Bearer {token}"
        full = path if path.startswith("/") else f"/api/v1/{path}"
        connection = self._connection(timeout)
        try:
            connection.request(method, full, data, sent)
            response = connection.getresponse()
            raw = response.read()
        except Exception:
            connection.close()
            self._local.connection = None
            raise
        if data is not None and response.status >= 400:
            # The body may have gone unread, and the connection ends then, a little later.
            self.hang_up()
        is_json = "json" in (response.getheader("Content-Type") or "")
        parsed = json.loads(raw) if raw and is_json else raw
        found = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, parsed, found)

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        kept = getattr(self._local, "connection", None)
        if kept is not None and time.monotonic() - self._local.used > LONGEST_IDLE:
            self.hang_up()
            kept = None
        self._local.used = time.monotonic()
        if kept is None:
            kept = self.connect(timeout)
            self._local.connection = kept
            self._connections.append(kept)
        return kept

    def connect(self, timeout: float) -> http.client.HTTPConnection:
        """A new connection."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def hang_up(self) -> None:
        """Closes this thread's connection."""
        kept = getattr(self._local, "connection", None)
        if kept is not None:
            kept.close()
            self._connections.remove(kept)
            self._local.connection = None

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
