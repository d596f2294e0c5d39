"""Measures an idle server: time to import and to start, memory."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import processes, servers
from benchmarks.installation import HERE, Installation
from benchmarks.servers import Size
from tools.errors import LauncherError

TIMES = 3


@dataclass(frozen=True, slots=True)
class Start:
    """The medians of several starts.

    `imports`: seconds that config.asgi and all it imports take, by `python -X importtime`, which
    itself takes a part of them. `ready`: seconds from the start of the server to its first
    answer. `worker`: bytes of memory of a worker then, as in Memory.
    """

    imports: float
    ready: float
    worker: int


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes, at most, until now: of the server's largest worker process, which includes the pages
    that it shares with others, and of all processes of the server and of PostgreSQL."""

    worker: int
    application: int
    postgresql: int


def start(folder: Path, environment: Mapping[str, str], size: Size) -> Start:
    """Starts a server on a prepared database several times. Raises LauncherError."""
    imports = [import_seconds(environment) for _ in range(TIMES)]
    ready, memory = [], []
    for _ in range(TIMES):
        with servers.serve(servers.LARDER, size, environment, folder / "start.log") as server:
            ready.append(server.started_in)
            memory.append(max(processes.resident(pid) for pid in workers(server.pid)))
    return Start(median(imports), median(ready), round(median(memory)))


def peaks(installation: Installation) -> Memory:
    """What the server and PostgreSQL took at most until now."""
    server = installation.larder.pid
    return Memory(
        worker=max(processes.most_resident(pid) for pid in workers(server)),
        application=processes.peak_memory(server),
        postgresql=processes.peak_memory(installation.cluster.pid or 0),
    )


def workers(server: int) -> list[int]:
    """The process ids of a server's workers: all but its keeper and granian's main process, each
    the parent of the next."""
    return list(processes.tree(server))[2:]


def import_seconds(environment: Mapping[str, str]) -> float:
    """Seconds to import what a worker imports. Raises LauncherError."""
    command = [HERE.python, "-X", "importtime", "-c", "import config.asgi"]
    done = subprocess.run(
        command, env=environment, cwd=HERE.folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise LauncherError(f"config.asgi cannot be imported:\n{done.stderr[-3000:]}")
    return imported_in(done.stderr, "config.asgi")


def imported_in(answers: str, module: str) -> float:
    """Seconds in the second column, which is that of a module and what it imports, of what
    `-X importtime` tells. Raises LauncherError where the module is not named."""
    line = rf"^import time: +\d+ \| +(\d+) \| +{re.escape(module)}$"
    found = re.search(line, answers, re.MULTILINE)
    if found is None:
        raise LauncherError(f"python -X importtime does not tell of {module}.")
    return int(found[1]) / 1e6
