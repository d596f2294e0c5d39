"""Starts the database, the server and the job worker, keeps them running and stops them.

The children run in separate sessions, so a Ctrl-C at the terminal reaches only the
supervisor, and it alone decides on the order of the end: server and worker, then PostgreSQL.
When the supervisor is killed, the kernel ends the children (tools/processes.py).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from larder.ops import serve
from tools.local_postgres import Cluster
from tools.processes import Kept, LogFile, wait_until
from tools.run import readiness
from tools.run.folder import RunFolder
from tools.run.readiness import PAUSE_SECONDS, Service
from tools.run.settings import STOP_SECONDS, Settings, greeting, in_one_line
from tools.terminal import LauncherError, say, step

CHECKOUT = Path(__file__).resolve().parents[2]
WATCH_SECONDS = 0.2
LOG_CHECK_SECONDS = 10.0
PORT_SECONDS = 3.0


class Supervisor:
    """One run; `orphaned` says when the process that started it is gone."""

    def __init__(self, settings: Settings, *, orphaned: Callable[[], bool]) -> None:
        self._settings = settings
        self._orphaned = orphaned
        self._folder = RunFolder(settings.data)
        self._cluster: Cluster | None = None
        self._cluster_due = 0.0
        self._services: list[Service] = []

    def run(self) -> None:
        """Start everything and watch over it until an exception, a signal's among them.

        Raises LauncherError when something cannot be started.
        """
        with ExitStack() as stack:
            self._folder.open()
            stack.callback(self._folder.close)
            stack.callback(self._stop)
            self._start()
            say(greeting(self._settings))
            self._watch()

    def _start(self) -> None:
        with in_one_line():
            # Workers of a run that was killed end within a second.
            wait_until(self._has_port, PORT_SECONDS)
            serve.check_port(self._settings.host, self._settings.port)
        environment = self._database_environment()
        environment = {**self._common_environment(), **environment}
        with step("Database prepared"):
            self._prepare(environment)
        with step("Server and worker ready", reminds=False):
            self._start_services(environment)

    def _has_port(self) -> bool:
        try:
            serve.check_port(self._settings.host, self._settings.port)
        except serve.CannotServe:
            return False
        return True

    def _database_environment(self) -> dict[str, str]:
        if self._settings.database_url is not None:
            say("Using the PostgreSQL of DATABASE_URL.")
            return {}
        self._cluster = Cluster(self._settings.data / "postgresql")
        with step("PostgreSQL started"):
            self._cluster.start()
        return {
            "DATABASE_URL": self._cluster.app_url(),
            "OWNER_DATABASE_URL": self._cluster.owner_url(),
        }

    def _common_environment(self) -> dict[str, str]:
        defaults = {
            "DEMO": "1",
            "REGISTRATION": "open",
            "SECRET_KEY": self._folder.secret_key,
            "PICTURES_DIR": str(self._settings.data / "pictures"),
        }
        fixed = {
            "HOST": self._settings.host,
            "PORT": str(self._settings.port),
            "PYTHONUNBUFFERED": "1",
        }
        given = {**defaults, **os.environ, **fixed}
        return serve.environment(given, self._settings.serving)

    def _prepare(self, environment: dict[str, str]) -> None:
        with Kept([sys.executable, "manage.py", "prepare"], environment=environment) as prepare:
            status = prepare.wait()
        if status != 0:
            raise LauncherError(
                f"The database could not be prepared (status {status}). Read why above."
            )

    def _start_services(self, environment: dict[str, str]) -> None:
        settings = self._settings
        server = Service("server", SERVER_COMMAND, environment, self._log("server"))
        worker = Service("worker", WORKER_COMMAND, environment, self._log("worker"))
        self._services = [server, worker]
        for service in self._services:
            service.start()
        readiness.wait(
            settings.reachable_host, settings.port, server=server, worker=worker, tend=self._tend
        )

    def _log(self, name: str) -> LogFile:
        log = LogFile(self._folder.log(name))
        log.begin()
        return log

    def _watch(self) -> None:
        log_check = time.monotonic() + LOG_CHECK_SECONDS
        while not self._orphaned():
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
        self._folder.say_stopping()
        if not self._cluster and not self._services:
            return
        with step("Stopped"):
            for service in self._services:
                service.order_stop()
            for service in self._services:
                service.close()
            if self._cluster is not None:
                self._cluster.stop()


def server_command(settings: Settings) -> list[str]:
    """Return what the server becomes, for tools that serve another application."""
    return serve.command(settings.serving)


SERVER_COMMAND = [sys.executable, "-m", "larder.ops.serve", "--stop-seconds", str(STOP_SECONDS)]
WORKER_COMMAND = [sys.executable, "manage.py", "procrastinate", "worker"]
