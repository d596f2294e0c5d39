"""What is attacked: a server in demo mode on a separate PostgreSQL, and accounts to attack with.

Nothing of `larder` is imported here: the code attacked may be another checkout, with another
Python. Attacks speak HTTP, and SQL as the owner of the tables.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from tools.errors import LauncherError
from tools.http_client import HOST, Client
from tools.kept import Keeping, Kept
from tools.local_postgres.cluster import Cluster
from tools.local_postgres.temporary import temporary_cluster
from tools.ports import free_port, listens
from tools.processes import children, wait_until
from tools.run import readiness

CHECKOUT = Path(__file__).resolve().parents[2]
READY_SECONDS = 60.0
PASSWORD = "a rather good one"
STAFF = {"username": "admin", "password": "12345"}
"""The demo catalogue's superuser."""

_numbers = count(1)


class Broken(Exception):
    """An attack succeeded: the promise does not hold. The text says what was seen."""


class NotTried(Exception):
    """The attack cannot be made on this machine. The text says why."""


def require(condition: object, seen: str) -> None:
    """Raise Broken with what was seen unless the condition holds."""
    if not condition:
        raise Broken(seen)


@dataclass(frozen=True)
class Code:
    """The code to attack: a checkout, and the Python that runs it."""

    checkout: Path = CHECKOUT
    python: Path = Path(sys.executable)


@dataclass(frozen=True)
class Person:
    """A customer's account, and the tokens of its first log-in."""

    id: int
    username: str
    password: str
    access: str
    refresh: str


@dataclass
class Target(Client):
    """A running server. `environment` is that of its processes; `folder` holds its files."""

    code: Code
    cluster: Cluster
    folder: Path
    environment: dict[str, str]
    workers_wanted: int = 2
    port: int = field(default_factory=free_port)
    _process: Kept | None = None
    _watched: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__(self.port)

    @property
    def checkout(self) -> Path:
        """The code that is attacked."""
        return self.code.checkout

    @property
    def log(self) -> str:
        """What the server wrote so far."""
        return self._log.read_text(errors="replace")

    @property
    def _log(self) -> Path:
        return self.folder / f"server-{self.port}.log"

    def start(self) -> None:
        """Start the server and return when all its workers serve. Raises LauncherError."""
        # This process still holds the port open for it (tools/ports.py).
        with self._log.open("ab") as output:
            self._process = Kept(
                [self.code.python, "-m", "larder.ops.serve"],
                Keeping(stop=(("TERM", 8.0),)),
                environment={**self.environment, "PORT": str(self.port)},
                output=output,
                folder=self.checkout,
            )
        if not wait_until(self.serves, READY_SECONDS):
            raise LauncherError(f"The server did not come up:\n{self.log[-3000:]}")
        self._watched = set(self.workers())

    def stop(self) -> None:
        """End the server."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def serves(self) -> bool:
        """Return whether the server is ready with all its workers."""
        is_ready = readiness.ask(HOST, self.port)[0] == 200
        return is_ready and len(self.workers()) == self.workers_wanted

    @property
    def main(self) -> int | None:
        """The process id of the server's main process."""
        return next(iter(children(self._process.pid)), None) if self._process else None

    def workers(self) -> list[int]:
        """Return the process ids of the workers that live now."""
        return children(self.main) if self.main else []

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Raise Broken where a worker process ends inside the block. A server that the block itself
        starts anew counts with its new workers."""
        self._watched = set(self.workers())
        yield
        gone = self._watched - set(self.workers())
        require(not gone, f"{len(gone)} of {len(self._watched)} worker processes ended")

    def heal(self) -> None:
        """Restart a server that an attack has ended, so that the next attack meets a whole one."""
        self.hang_up()
        if not (listens(self.port) and wait_until(self.serves, 5.0)):
            self.stop()
            self.start()

    @contextmanager
    def server(
        self,
        environment: Mapping[str, str] | None = None,
        *,
        workers: int = 2,
        threads: int = 32,
    ) -> Iterator[Target]:
        """Give another server on the same database, with other settings."""
        own = {"WORKERS": str(workers), "THREADS": str(threads), **(environment or {})}
        other = Target(
            self.code, self.cluster, self.folder, self.environment | own, workers_wanted=workers
        )
        other.start()
        try:
            yield other
        finally:
            other.stop()

    def staff(self) -> str:
        """Return an access token of a member of staff with all rights."""
        return str(self._expected(200, "auth/token", STAFF)["access"])

    def customer(self) -> Person:
        """Register a customer and log in. Return the account and its tokens; raise Broken."""
        name = f"attacker {next(_numbers)} {secrets.token_hex(4)}"
        given = {"username": name, "password": PASSWORD}
        made = self._expected(201, "auth/register", given)
        pair = self._expected(200, "auth/token", given)
        return Person(int(made["id"]), name, PASSWORD, pair["access"], pair["refresh"])

    def product(self, *, stock: int, price: str = "1.50") -> int:
        """Make a product with that opening stock; return its id."""
        sku = f"ATTACK-{secrets.token_hex(6)}"
        body = {"sku": sku, "name": sku, "price": price, "quantity": stock}
        return int(self._expected(201, "products", body, token=self.staff())["id"])

    def _expected(self, status: int, path: str, body: Any, token: str | None = None) -> Any:
        reply = self.call("POST", path, body, token=token)
        require(reply.status == status, f"POST {path} answered {reply.status}: {reply.body!r:.300}")
        return reply.body

    def sql(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement as the owner of the tables; return its rows, if it has any."""
        with psycopg.connect(self.cluster.owner_url(), autocommit=True) as connection:
            done = connection.execute(statement.encode(), list(parameters) or None)
            return done.fetchall() if done.description else []

    def manage(self, *words: str) -> tuple[int, str]:
        """Run a management command on the target's database; return its status and output."""
        done = subprocess.run(
            [self.code.python, "manage.py", *words],
            cwd=self.checkout,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr


@contextmanager
def started(code: Code, settings: Mapping[str, str] | None = None) -> Iterator[Target]:
    """Start a target: PostgreSQL, prepared in demo mode, and a server with two workers, with these
    settings besides."""
    with tempfile.TemporaryDirectory(prefix="larder-attack-") as folder, temporary_cluster() as own:
        target = Target(code, own, Path(folder), _environment(own) | dict(settings or {}))
        status, printed = target.manage("prepare")
        if status != 0:
            raise LauncherError(f"The database could not be prepared:\n{printed[-3000:]}")
        target.start()
        try:
            yield target
        finally:
            target.stop()


NOT_OURS = ("SHARED_DIR", "PROMETHEUS_MULTIPROC_DIR", "PYTHONPATH", "REPLICA_URLS", "CACHE_URL")


def _environment(cluster: Cluster) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
    return inherited | {
        "DATABASE_URL": cluster.app_url(),
        "OWNER_DATABASE_URL": cluster.owner_url(),
        "DEMO": "1",
        "REGISTRATION": "open",
        "COMPAT": "0,1,2,3,4",
        "SECRET_KEY": secrets.token_hex(32),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "HOST": HOST,
        "WORKERS": "2",
        "THREADS": "32",
    }


def wait(seconds: float) -> None:
    """Wait, for attacks that need time to pass."""
    time.sleep(seconds)
