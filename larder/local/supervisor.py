"""`larder run`: starts the database, the server and the job worker, keeps them running and stops
them.

The children run in separate sessions, so a Ctrl-C at the terminal reaches only the
supervisor, and it alone decides on the order of the end: server and worker, then PostgreSQL.
When the supervisor is killed, the kernel ends the children (larder/local/processes.py).
"""

from __future__ import annotations

import http.client
import json
import os
import secrets
import sys
import time
from pathlib import Path

from larder.local.folders import open_folder, write_private
from larder.local.postgresql import Cluster
from larder.local.processes import PAUSE_SECONDS, Kept, LogFile, Service
from larder.local.terminal import LauncherError, say, step
from larder.ops import serve

STOP_SECONDS = 3
"""A developer who stops a run waits for it; no other requests are open."""
WATCH_SECONDS = 0.2
READY_SECONDS = 300.0
"""A busy machine takes minutes."""
POLL_SECONDS = 0.05
SHOWN_LINES = 15
LOG_CHECK_SECONDS = 10.0
PORT_SECONDS = 3.0
SERVER_COMMAND = [sys.executable, "-m", "larder.ops.serve", "--stop-seconds", str(STOP_SECONDS)]
LARDER = [sys.executable, "-m", "larder.local"]


class Supervisor:
    """A run on the data folder. `database_url` names a PostgreSQL in place of one in it."""

    def __init__(self, serving: serve.Serving, data: Path, database_url: str) -> None:
        self._serving = serving
        self._data = data
        self._cluster = None if database_url else Cluster(data / "postgresql")
        self._cluster_due = 0.0
        self._services: list[Service] = []

    def run(self) -> None:
        """Start everything and watch over it until an exception, a signal's among them.

        Raises LauncherError when something cannot be started.
        """
        open_folder(self._data)
        free_port(self._serving)
        try:
            self._start()
            say(greeting(self._serving, self._data))
            self._watch()
        finally:
            self._stop()

    def _start(self) -> None:
        environment = self._environment()
        if self._cluster is None:
            say("Using the PostgreSQL of DATABASE_URL.")
        else:
            with step("PostgreSQL started"):
                self._cluster.start()
            environment |= self._cluster.addresses
        with step("Database prepared"):
            prepare(environment)
        with step("Server and worker ready"):
            server = Service("server", SERVER_COMMAND, environment, self._log("server"))
            worker = Service("worker", [*LARDER, "worker"], environment, self._log("worker"))
            self._services = [server, worker]
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
            "REGISTRATION": "open",
            "SECRET_KEY": secret.read_text().strip(),
            "PICTURES_DIR": str(self._data / "pictures"),
        }
        fixed = {
            "HOST": self._serving.host,
            "PORT": str(self._serving.port),
            "PYTHONUNBUFFERED": "1",
        }
        return serve.environment({**defaults, **os.environ, **fixed}, self._serving)

    def _log(self, name: str) -> LogFile:
        (self._data / "log").mkdir(exist_ok=True)
        log = LogFile(self._data / "log" / f"{name}.log")
        log.begin()
        return log

    def _watch(self) -> None:
        log_check = time.monotonic() + LOG_CHECK_SECONDS
        while True:
            time.sleep(WATCH_SECONDS)
            self._tend_cluster()
            self._tend()
            if time.monotonic() >= log_check:
                log_check = time.monotonic() + LOG_CHECK_SECONDS
                for service in self._services:
                    service.log.limit()

    def _tend(self) -> None:
        for service in self._services:
            line = service.tend()
            if line:
                say(line)

    def _tend_cluster(self) -> None:
        now, cluster = time.monotonic(), self._cluster
        if cluster is None or cluster.running or now < self._cluster_due:
            return
        say(f"PostgreSQL ended and is started again ({cluster.log_path}).")
        self._cluster_due = now + PAUSE_SECONDS
        try:
            cluster.start()
        except LauncherError as error:
            say(str(error))

    def _stop(self) -> None:
        if not self._services and not (self._cluster and self._cluster.running):
            return
        with step("Stopped"):
            for service in self._services:
                service.order_stop()
            for service in self._services:
                service.close()
            if self._cluster is not None:
                self._cluster.stop()


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
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return answer.status == 200 and json.loads(answer.read())["worker"]["alive"] is True
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return False
    finally:
        connection.close()


def prepare(environment: dict[str, str]) -> None:
    """Run `manage.py prepare`. Raises LauncherError when it fails."""
    with Kept([*LARDER, "manage", "prepare"], environment=environment) as command:
        status = command.wait()
    if status != 0:
        raise LauncherError(
            f"The database could not be prepared (status {status}). Read why above."
        )


def reachable(host: str) -> str:
    """Return the host under which this machine itself reaches the server."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # nosec B104


TEMPLATE = """
Larder is ready at {address}

  admin      {address}/admin/   admin / 12345, opply / 123456 (superusers)
  app        {address}/demo/    demo / demo (a customer)
  API        {address}/api/v1/docs
  logs       {logs}
  mails      {logs}/worker.log (unless EMAIL_URL names a mail server)

First requests to try, in another terminal:

{requests}

Ctrl-C stops everything.
"""

REQUESTS = r"""L={address}/api/v1 JSON='Content-Type: application/json'
TOKEN=$(curl -s $L/auth/token -H "$JSON" -d '{{"username": "demo", "password": "demo"}}' |
    sed 's/.*"access" *: *"\([^"]*\)".*/\1/')
AUTH="Authorization: Bearer $TOKEN"
curl -sw '\n' "$L/products?q=lantern&limit=2" -H "$AUTH"
curl -sw '\n' $L/orders -H "$AUTH" -H "$JSON" -H 'Idempotency-Key: my-first-order' \
    -d '{{"lines": [{{"product": 1, "quantity": 2}}]}}'
curl -sw '\n' $L/orders -H "$AUTH"
"""
"""The README shows the same."""


def greeting(serving: serve.Serving, data: Path) -> str:
    """Return the address, the demo users and the first requests."""
    host = reachable(serving.host)
    address = f"http://{f'[{host}]' if ':' in host else host}:{serving.port}"
    requests = REQUESTS.format(address=address).strip()
    return TEMPLATE.format(address=address, logs=data / "log", requests=requests)
