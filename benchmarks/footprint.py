"""Measures an idle server: time to start, memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import processes, servers
from benchmarks.installation import Installation
from benchmarks.servers import Size

TIMES = 3


@dataclass(frozen=True, slots=True)
class Start:
    """The medians of several starts.

    `ready`: seconds from the start of the server to its first answer. `worker`: bytes of memory of
    a worker then, as in Memory.
    """

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
    ready, memory = [], []
    for _ in range(TIMES):
        with servers.serve(servers.LARDER, size, environment, folder / "start.log") as server:
            ready.append(server.started_in)
            memory.append(max(processes.resident(pid) for pid in workers(server.pid)))
    return Start(median(ready), round(median(memory)))


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
