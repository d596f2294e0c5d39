"""What is done to a running Larder."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random

import psycopg

from tools.drill.running import Running
from tools.errors import LauncherError

HELD_SECONDS = 3.0
"""As long as what is only stopped stays so: less than an app waits for an answer."""

Pick = Callable[[Running, Random], Sequence[int | None]]

_BACKENDS = """
SELECT pid FROM pg_stat_activity
WHERE usename = 'larder_app' AND backend_type = 'client backend'
ORDER BY state = 'active' DESC, pid
"""


@dataclass(frozen=True)
class Fault:
    """Which processes it hits, and what they get: KILL, or STOP and a while later CONT.

    `jobs`: the job worker has to prove itself afterwards too.
    """

    says: str
    pick: Pick
    held: float = 0.0
    jobs: bool = False


@dataclass(frozen=True)
class Struck:
    """What was hit. Seconds are monotonic; it was over at once, or when it was let go."""

    name: str
    fault: Fault
    pids: Sequence[int]
    at: float
    over: float

    @property
    def ended(self) -> Sequence[int]:
        """The processes that must have ended."""
        return () if self.fault.held else self.pids


def one_worker(running: Running, random: Random) -> Sequence[int | None]:
    """One of the processes that serve."""
    return [random.choice(running.web_workers or [None])]


def backend(running: Running, random: Random) -> Sequence[int | None]:
    """One of the server's connections, from PostgreSQL's side; a busy one if there is any."""
    with psycopg.connect(running.cluster.superuser_url("larder")) as superuser:
        found = [row[0] for row in superuser.execute(_BACKENDS)]
    return [random.choice(found[:3] or [None])]


FAULTS = {
    "web-worker": Fault("kill -9 of one web worker", one_worker),
    "web-workers": Fault("kill -9 of all web workers", lambda run, _: run.web_workers),
    "web-server": Fault(
        "kill -9 of the web server and its workers", lambda run, _: [run.server, *run.web_workers]
    ),
    "job-worker": Fault("kill -9 of the job worker", lambda run, _: [run.job_worker], jobs=True),
    "postmaster": Fault(
        "kill -9 of PostgreSQL's postmaster", lambda run, _: [run.cluster.pid], jobs=True
    ),
    "backend": Fault("kill -9 of one PostgreSQL backend", backend, jobs=True),
    "web-main": Fault("kill -9 of the web server's main process", lambda run, _: [run.server]),
    "web-keeper": Fault(
        "kill -9 of the web server's keeper", lambda run, _: [run.keeper("larder.ops.serve")]
    ),
    "job-keeper": Fault(
        "kill -9 of the job worker's keeper",
        lambda run, _: [run.keeper("procrastinate")],
        jobs=True,
    ),
    "postgresql-keeper": Fault(
        "kill -9 of PostgreSQL's keeper", lambda run, _: [run.keeper("postgres")], jobs=True
    ),
    "web-worker-frozen": Fault("one web worker stopped for a while", one_worker, HELD_SECONDS),
    "postgresql-silent": Fault(
        "PostgreSQL silent for a while, as with a cut network",
        lambda run, _: run.cluster.processes,
        HELD_SECONDS,
        jobs=True,
    ),
}
"""The first six are what every drill of six rounds and more has."""
FIRST = 6


def deck(names: Sequence[str], rounds: int, random: Random) -> list[str]:
    """Choose a fault for each round: each of the first before any of the others, then all again."""
    chosen: list[str] = []
    first = [name for name in list(FAULTS)[:FIRST] if name in names]
    others = [name for name in names if name not in first]
    while len(chosen) < rounds:
        chosen += [*random.sample(first, len(first)), *random.sample(others, len(others))]
    return chosen[:rounds]


def strike(name: str, running: Running, random: Random) -> Struck:
    """Do it. Raises LauncherError when there is nothing to do it to."""
    fault = FAULTS[name]
    pids = [pid for pid in fault.pick(running, random) if pid is not None]
    if not pids:
        raise LauncherError(f"There is no process for: {fault.says}.")
    at = time.monotonic()
    send_all(pids, signal.SIGSTOP if fault.held else signal.SIGKILL)
    if fault.held:
        time.sleep(fault.held)
        send_all(pids, signal.SIGCONT)
    return Struck(name, fault, pids, at, time.monotonic() if fault.held else at)


def send_all(pids: Sequence[int], number: int) -> None:
    """Send them all a signal, as far as they are still there."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
