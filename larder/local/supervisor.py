"""`larder run`: starts the database, the server and the worker, watches them and stops them.

Larder is loaded once; the server, the worker and the commands that prepare the database are forked
from this process, which has one thread. The children run in separate sessions, so a Ctrl-C at the
terminal reaches only the supervisor, and it alone decides on the order of the end: PostgreSQL last.
When the supervisor is killed, the kernel ends the children (larder/local/processes.py).
"""

from __future__ import annotations

import ctypes
import http.client
import json
import multiprocessing
import os
import secrets
import shutil
import signal
import sys
import time
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import django
from django.core.exceptions import ImproperlyConfigured
from psycopg import ProgrammingError

from larder.local import archives
from larder.local.folders import open_folder, write_private
from larder.local.postgresql import Cluster
from larder.local.processes import PAUSE_SECONDS, Kept, LogFile, Service, manage, prepare
from larder.local.terminal import LauncherError, say, step
from larder.ops import serve

STOP_SECONDS = 3
"""A developer who stops a run waits for it; no other requests are open."""
POLL_SECONDS = 0.1
READY_SECONDS = 300.0
"""A busy machine takes minutes."""
SHOWN_LINES = 15
PORT_SECONDS = 3.0
M_MMAP_THRESHOLD = -3
"""Of mallopt(3)."""


class Supervisor:
    """A run on the data folder. `database_url` names a PostgreSQL in place of one in it."""

    def __init__(self, serving: serve.Serving, data: Path, database_url: str) -> None:
        self._serving = serving
        self._data = data
        self._cluster = None if database_url else Cluster(data / "postgresql")
        self._services: list[Service] = []
        self._demo: Kept | None = None

    def run(self) -> None:
        """Start everything and watch over it until an exception, a signal's among them. Raises
        LauncherError when something cannot be started."""
        open_folder(self._data)
        free_port(self._serving)
        try:
            self._start()
            say(greeting(self._serving, self._data))
            self._watch()
        finally:
            self._stop()
            if folder := os.environ.pop(serve.COUNTS, ""):
                shutil.rmtree(folder, ignore_errors=True)

    def _start(self) -> None:
        os.environ |= self._environment()
        if self._cluster is None:
            say("Using the PostgreSQL of DATABASE_URL.")
        else:
            with step("PostgreSQL started"):
                self._cluster.start()
            os.environ |= self._cluster.addresses
        load()
        if self._cluster is not None:
            archives.before_upgrade(self._cluster, self._data)
        with step("Database prepared"), Kept(partial(prepare, "--only=tables")) as command:
            if status := command.wait():
                raise LauncherError(f"prepare failed (status {status}). Read why above.")
        with step("Server and worker ready"):
            # The server is not ready before the demo's users are there; it starts meanwhile.
            self._demo = Kept(partial(prepare, "--only=demo"))
            serving, worker = partial(serve_here, self._serving), partial(manage, "worker")
            server = Service("server", serving, None, self._log("server"))
            self._services = [server, Service("worker", worker, None, self._log("worker"))]
            for service in self._services:
                service.start()
            self._wait_until_ready(server)

    def _wait_until_ready(self, server: Service) -> None:
        """Return once the server answers that it and the worker work. Raises LauncherError, with
        the end of the server's log, when it ended or needs too long."""
        deadline = time.monotonic() + READY_SECONDS
        while not is_ready(reachable(self._serving.host), self._serving.port):
            if not server.running or time.monotonic() > deadline:
                state = "is not ready" if server.running else "ended before it was ready"
                end = "\n".join(f"  server | {line}" for line in server.log.tail(SHOWN_LINES))
                raise LauncherError(f"The server {state}: {server.log.path} ends with\n{end}")
            self._tend()
            time.sleep(POLL_SECONDS)

    def _environment(self) -> dict[str, str]:
        secret = self._data / "secret_key"
        if not secret.exists():
            write_private(secret, secrets.token_urlsafe(48) + "\n")
        defaults = {
            "DEMO": "1",
            "DB_POOL_SIZE": str(serve.POOL_SIZE),
            "REGISTRATION": "open",
            "SECRET_KEY": secret.read_text().strip(),
            "PICTURES_DIR": str(self._data / "pictures"),
        }
        address = {"HOST": self._serving.host, "PORT": str(self._serving.port)}
        # Before the library is loaded, which reads it then.
        fixed = address | {serve.COUNTS: serve.counts_folder()}
        return serve.environment({**defaults, **os.environ, **fixed}, self._serving)

    def _log(self, name: str) -> LogFile:
        (self._data / "log").mkdir(exist_ok=True)
        return LogFile(self._data / "log" / f"{name}.log").begin()

    def _watch(self) -> None:
        while True:
            time.sleep(POLL_SECONDS)
            self._tend_cluster()
            self._tend()

    def _tend(self) -> None:
        # Its exception is lost where Python runs a callback of its own, as around a fork.
        if signal.getsignal(signal.SIGTERM) == signal.SIG_IGN:
            raise KeyboardInterrupt
        if self._demo is not None and self._demo.status:
            raise LauncherError("The demo's data were not added. Read why above.")
        for service in self._services:
            if line := service.tend():
                say(line)

    def _tend_cluster(self) -> None:
        if self._cluster is None or self._cluster.running:
            return
        say(f"PostgreSQL ended and is started again ({self._cluster.log.path}).")
        time.sleep(PAUSE_SECONDS)
        try:
            self._cluster.start()
        except LauncherError as error:
            say(str(error))

    def _stop(self) -> None:
        if not self._services and not (self._cluster and self._cluster.running):
            return
        with step("Stopped"):
            for service in self._services:
                service.order_stop()
            for child in (self._demo, *self._services):
                if child is not None:
                    child.close()
            if self._cluster is not None:
                self._cluster.stop()


def load() -> None:
    """Load Larder into this process. Raises LauncherError for settings that it refuses."""
    try:
        django.setup()
    except (ImproperlyConfigured, ProgrammingError) as error:
        raise LauncherError(f"Larder cannot start: {error}") from None


def free_port(serving: serve.Serving) -> None:
    """Wait for workers of a run that was killed: they end within a second. Raises LauncherError
    when the port stays in use."""
    deadline = time.monotonic() + PORT_SECONDS
    while True:
        try:
            return serve.check_port(serving.host, serving.port)
        except serve.CannotServe as error:
            if time.monotonic() > deadline:
                raise LauncherError(str(error)) from None
        time.sleep(0.05)


def is_ready(host: str, port: int) -> bool:
    """Return whether /readyz answers 200, and that the worker is alive."""
    try:
        with closing(http.client.HTTPConnection(host, port, timeout=5)) as connection:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            return answer.status == 200 and json.loads(answer.read())["worker"]["alive"] is True
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return False


def serve_here(serving: serve.Serving) -> None:
    """Be the server, as `python -m larder.ops.serve` is one in a process of its own."""
    from granian import cli

    from larder.ops.serving.granian_server import Server

    # A fork has what glibc read when its program started; another C library has no such function.
    with suppress(AttributeError, ValueError):
        threshold = int(os.environ["MALLOC_MMAP_THRESHOLD_"])
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, threshold)
    os.environ[serve.COUNTS] = serve.counts_folder()
    sys.argv = serve.command(serving)[2:]
    # Its workers share what is loaded here, with every version of Python.
    multiprocessing.set_start_method("fork", force=True)
    cli.Server = Server  # type: ignore[attr-defined]
    try:
        cli.entrypoint()  # type: ignore[no-untyped-call]
    finally:
        shutil.rmtree(os.environ[serve.COUNTS], ignore_errors=True)


def reachable(host: str) -> str:
    """Return the host under which this machine itself reaches the server."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # nosec B104


GREETING = Path(__file__).with_name("greeting.txt")
"""Its requests are the README's."""


def greeting(serving: serve.Serving, data: Path) -> str:
    """Return the address, the demo users and the first requests."""
    host = reachable(serving.host)
    address = f"http://{f'[{host}]' if ':' in host else host}:{serving.port}"
    text = GREETING.read_text().replace("ADDRESS", address)
    return "\n" + text.replace("LOGS", str(data / "log"))
