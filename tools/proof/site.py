"""A shop as processes of this machine: PostgreSQL, servers, job worker. Each can be broken."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import psycopg

from larder.local.postgresql import Cluster
from larder.local.processes import Kept
from larder.local.terminal import LauncherError, say
from tools.http_client import Client
from tools.processes import alive, children, free_port, postmaster, send, wait_until
from tools.proof.fleet import Fleet
from tools.with_database import temporary_cluster

CHECKOUT = Path(__file__).resolve().parents[2]
NOT_OURS = ("PYTHONPATH", "REPLICA_URLS")
START_SECONDS = 120.0


@dataclass(frozen=True)
class Code:
    """The code of a part."""

    checkout: Path = CHECKOUT
    python: Path = Path(sys.executable)


@dataclass
class Site:
    """A shop on a database of its own."""

    cluster: Cluster
    folder: Path
    settings: dict[str, str]
    """The environment of its processes."""
    code: Code = Code()
    ports: list[int] = field(default_factory=list)
    """Of the servers web0, web1, …"""
    parts: dict[str, Kept] = field(default_factory=dict)
    """The servers, `worker` and others, by name. `tend` starts one that has ended again."""
    others: dict[str, list[str]] = field(default_factory=dict)
    """The arguments of Python for other parts, by name."""
    codes: dict[str, Code] = field(default_factory=dict)

    def start(self, servers: int = 1) -> None:
        """Prepare the database, and start everything. Raises LauncherError."""
        self.manage("prepare")
        self.ports = [free_port() for _ in range(servers)]
        for number in range(servers):
            self.run(f"web{number}")
        self.run("worker")
        if not wait_until(lambda: all(map(self.is_ready, self.ports)), START_SECONDS):
            raise LauncherError(f"The servers do not start:\n{self.log('web0')[-2000:]}")

    def run(self, name: str, code: Code | None = None) -> None:
        """Start a part, with other code if it is named."""
        code = self.codes[name] = code or self.codes.get(name, self.code)
        worker = ["manage.py", "worker"]
        words, own = self.others.get(name, worker), dict(self.settings)
        if name.startswith("web"):
            words = ["-m", "larder.ops.serve"]
            own |= {"PORT": str(self.ports[int(name[3:])]), "HOST": "127.0.0.1"}
        with (self.folder / f"{name}.log").open("ab") as output:
            self.parts[name] = Kept(
                [code.python, *words],
                (("TERM", 30.0),),
                environment=own,
                output=output,
                folder=code.checkout,
            )

    def replace(self, name: str, code: Code | None = None) -> None:
        """Stop a part in order, and start it again with the present settings."""
        self.parts[name].close()
        self.run(name, code)
        if name.startswith("web"):
            port = self.ports[int(name[3:])]
            if not wait_until(lambda: self.is_ready(port), START_SECONDS):
                raise LauncherError(f"{name} does not start:\n{self.log(name)[-2000:]}")

    def pids(self, name: str) -> list[int]:
        """Return the processes of a part, its main one first; `postgres` is the database and
        `postmaster` its first process."""
        if name == "postgres":
            return [pid for main in self.pids("postmaster") for pid in (main, *children(main))]
        if name == "postmaster":
            return [main] if (main := postmaster(self.cluster)) else []
        main = self.parts[name].pid
        return [main, *children(main)]

    def tend(self) -> None:
        """Start again what has ended, as systemd, ECS or make run do."""
        if not self.cluster.running or not alive(postmaster(self.cluster)):
            self.cluster.stop()
            self.cluster.start()
        for name, part in list(self.parts.items()):
            if part.status is not None:
                self.run(name)

    def mend(self, seconds: float = 240.0) -> None:
        """Start again what has ended until all parts run. Raises LauncherError."""

        def is_mended() -> bool:
            self.tend()
            return self.is_whole

        if not wait_until(is_mended, seconds):
            raise LauncherError(f"The shop does not come back:\n{self.log('web0')[-1500:]}")

    @property
    def is_whole(self) -> bool:
        """Whether every part runs and every server is ready."""
        runs = all(part.status is None for part in self.parts.values())
        return runs and self.cluster.running and all(map(self.is_ready, self.ports))

    def is_ready(self, port: int) -> bool:
        """Return whether a server answers /readyz with 200."""
        client = Client(port, 3.0)
        is_ready = client.attempt("GET", "/readyz").status == 200
        client.hang_up()
        return is_ready

    @property
    def urls(self) -> list[str]:
        """The addresses of the servers."""
        return [f"http://127.0.0.1:{port}" for port in self.ports]

    def log(self, name: str) -> str:
        """Return what a part wrote."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def sql(self, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Run a statement as the owner of the tables; return its rows."""
        with psycopg.connect(self.cluster.owner_url(), autocommit=True) as owner:
            cursor = owner.execute(statement.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    def manage(self, *words: str) -> str:
        """Run a management command; return what it prints. Raises LauncherError."""
        command = subprocess.run(
            [self.code.python, "manage.py", *words],
            cwd=self.code.checkout,
            env=self.settings,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if command.returncode and words[0] != "check_invariants":
            printed = command.stdout + command.stderr
            raise LauncherError(f"manage.py {words[0]}:\n{printed[-2000:]}")
        return command.stdout

    def violated(self) -> list[str]:
        """Return the names of the invariants that do not hold."""
        report = json.loads(self.manage("check_invariants", "--format", "json"))
        return [invariant["name"] for invariant in report["invariants"] if not invariant["ok"]]

    def stop(self) -> None:
        """Stop everything but the database."""
        for part in self.parts.values():
            part.close()


@contextmanager
def opened(
    settings: Mapping[str, str] | None = None, servers: int = 1, code: Code = Code()
) -> Iterator[Site]:
    """Give a shop in demo mode on an empty database; afterwards nothing of it is left."""
    with (
        tempfile.TemporaryDirectory(prefix="larder-proof-") as folder,
        temporary_cluster(durable=True) as cluster,
    ):
        site = Site(cluster, Path(folder), environment(cluster) | dict(settings or {}), code)
        try:
            site.start(servers)
            yield site
        finally:
            site.stop()


def environment(cluster: Cluster) -> dict[str, str]:
    """Return the settings of a shop in demo mode on this cluster."""
    inherited = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
    return inherited | {
        "DATABASE_URL": cluster.app_url(),
        "OWNER_DATABASE_URL": cluster.owner_url(),
        "DJANGO_SETTINGS_MODULE": "larder.config.settings",
        "DEMO": "1",
        "REGISTRATION": "open",
        "RATE_LIMITS": "wide",
        "COMPAT": "0,1,2,3,4",
        "SECRET_KEY": secrets.token_hex(32),
        "WORKERS": "2",
        "THREADS": "16",
    }


def strike(pids: Sequence[int], number: int = signal.SIGKILL) -> None:
    """Send a signal to processes, as far as they exist. Those that it kills are gone then."""
    for pid in pids:
        send(pid, number)
    if number == signal.SIGKILL:
        wait_until(lambda: not any(map(alive, pids)), 10.0)


@dataclass
class Kit:
    """A shop, its customers, and the report."""

    site: Site
    fleet: Fleet
    random: Random
    full: bool
    """As long as a release wants it, in place of a few minutes."""
    steps: list[dict[str, object]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def step(self, name: str, seconds: float, within: float, since: float) -> None:
        """Note a step, the seconds until all was well, and the answers since a moment. More than
        `within` seconds are a fault."""
        statuses = Counter(str(reply.status) for reply in self.fleet.replies(since))
        answers = dict(sorted(statuses.items()))
        self.steps.append({"step": name, "seconds": round(seconds, 1), "answers": answers})
        say(f"{name:<52}{seconds:6.1f} s  {answers}")
        if seconds > within:
            self.faults.append(f"{name}: {seconds:.1f} s, more than {within:.0f}")

    def back(self, name: str, within: float) -> None:
        """Wait until all runs and an order is placed again, and note how long that took. Raises
        LauncherError."""
        began = time.monotonic()
        self.site.mend()
        self.fleet.wait_for(1)
        self.step(name, time.monotonic() - began, within, began)

    def plant(self) -> None:
        """Let a unit appear, and an acknowledged order disappear: the audit must name both."""
        if self.fleet.orders:
            self.site.sql(
                "UPDATE orders.\"order\" SET reference = 'taken' WHERE id = %s",
                [next(wish.id for wish in self.fleet.wishes if wish.kind == "order" and wish.id)],
            )
        product = max(self.fleet.products or [1])
        self.site.sql(
            "UPDATE inventory.stock SET available = available + 1 WHERE product_id = %s", [product]
        )
