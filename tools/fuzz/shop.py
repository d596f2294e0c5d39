"""A demo shop for the time of a run: its own PostgreSQL, prepared, and a server."""

from __future__ import annotations

import http.client
import os
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tools.errors import LauncherError
from tools.kept import Kept
from tools.local_postgres.cluster import Cluster
from tools.local_postgres.temporary import temporary_cluster
from tools.ports import free_port
from tools.run import readiness
from tools.run.settings import Settings
from tools.run.supervisor import server_command

HOST = "127.0.0.1"
READY_SECONDS = 60.0


@contextmanager
def running_shop(folder: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Give the server's address, and the environment of what works on its database.

    The server's log is server.log in the folder. Raises LauncherError when it does not come up.
    """
    with temporary_cluster() as cluster:
        environment = _environment(cluster)
        _prepare(environment)
        settings = Settings(HOST, free_port(), folder, workers=2, threads=8, database_url=None)
        log = folder / "server.log"
        with log.open("wb") as output:
            command = server_command(settings)
            with Kept(command, environment=environment, output=output) as server:
                _wait(settings.port, server, log)
                yield settings.address, environment


def _environment(cluster: Cluster) -> dict[str, str]:
    return os.environ | {
        "DATABASE_URL": cluster.app_url(),
        "OWNER_DATABASE_URL": cluster.owner_url(),
        "DEMO": "1",
        "REGISTRATION": "open",
        "COMPAT": "0,1,2,3,4",
        "SECRET_KEY": secrets.token_hex(32),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }


def _prepare(environment: Mapping[str, str]) -> None:
    with Kept([sys.executable, "manage.py", "prepare"], environment=environment) as prepare:
        if prepare.wait() != 0:
            raise LauncherError("The database could not be prepared.")


def _wait(port: int, server: Kept, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and server.status is None:
        if readiness.ask(HOST, port)[0] == http.client.OK:
            return
        time.sleep(0.1)
    raise LauncherError(f"The server did not come up:\n{log.read_text(errors='replace')}")
