"""What happens to the primary: ended, stopped, cut off, filled up, switched over."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from larder.local.terminal import LauncherError
from tools.processes import send
from tools.proof import network
from tools.proof.machines import DATA, Cluster, Node

HELD_SECONDS = 20.0
"""As long as a fault lasts that has to be ended: longer than the cluster takes to go on without."""
LEFT_BYTES = 64 * 1024 * 1024
"""What is written and not allocated at once: PostgreSQL writes meanwhile."""

Fault = Callable[[Cluster, str], "Iterator[None]"]


def postgres_killed(cluster: Cluster, name: str) -> Iterator[None]:
    """kill -9 of PostgreSQL's first process; Patroni and the machine go on."""
    send(postmaster(cluster.nodes[name]), signal.SIGKILL)
    yield


def machine_lost(cluster: Cluster, name: str) -> Iterator[None]:
    """kill -9 of all processes of the machine at once; it comes back later."""
    node = cluster.nodes[name]
    node.is_down = True
    # Without its address the kernel would answer for the dead processes, as no lost machine does.
    node.machine.cut(others(name))
    for pid in node.pids():
        send(pid, signal.SIGKILL)
    yield
    node.machine.join()
    node.is_down = False


def machine_frozen(cluster: Cluster, name: str) -> Iterator[None]:
    """SIGSTOP of all processes of the machine, as a hypervisor that pauses it; later SIGCONT."""
    pids = cluster.nodes[name].pids()
    for pid in pids:
        send(pid, signal.SIGSTOP)
    yield
    for pid in pids:
        send(pid, signal.SIGCONT)


def cut_off(cluster: Cluster, name: str) -> Iterator[None]:
    """No packet reaches the machine or leaves it."""
    cluster.nodes[name].machine.cut(others(name))
    yield
    cluster.nodes[name].machine.join()


def deaf(cluster: Cluster, name: str) -> Iterator[None]:
    """Packets leave the machine, none arrives."""
    cluster.nodes[name].machine.cut(others(name), sends=False)
    yield
    cluster.nodes[name].machine.join()


def disk_full(cluster: Cluster, name: str) -> Iterator[None]:
    """A file takes all the space of PostgreSQL's disk."""
    root = Path(f"/proc/{cluster.nodes[name].machine.holder.pid}/root{DATA}")
    file = root / "ballast"
    disk = os.statvfs(root)
    with file.open("ab", buffering=0) as ballast:
        os.posix_fallocate(ballast.fileno(), 0, disk.f_bavail * disk.f_frsize - LEFT_BYTES)
        with contextlib.suppress(OSError):
            while True:
                ballast.write(b"\0" * 4096)
    yield
    file.unlink()


def switchover(cluster: Cluster, name: str) -> Iterator[None]:
    """A planned change of the primary, as before maintenance."""
    settings = cluster.patroni_settings(name)
    pair = f"{settings['PATRONI_RESTAPI_USERNAME']}:{settings['PATRONI_RESTAPI_PASSWORD']}"
    request = urllib.request.Request(
        f"http://{network.ADDRESSES[name]}:8008/switchover",
        json.dumps({"leader": name}).encode(),
        {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"},
    )
    try:
        urllib.request.urlopen(request, timeout=30).close()  # noqa: S310
    except urllib.error.URLError as error:
        raise LauncherError(f"{name} does not switch over: {error}") from None
    yield


FAULTS: dict[str, tuple[Fault, float]] = {
    "postgres killed": (postgres_killed, 0.0),
    "machine lost": (machine_lost, HELD_SECONDS),
    "machine frozen": (machine_frozen, HELD_SECONDS),
    "cut off": (cut_off, HELD_SECONDS),
    "receives nothing": (deaf, HELD_SECONDS),
    "disk full": (disk_full, HELD_SECONDS),
    "switch-over": (switchover, 0.0),
}
"""By name: what happens, and for how many seconds."""


@contextlib.contextmanager
def struck(cluster: Cluster, fault: str, node: str) -> Iterator[None]:
    """Do it to a node; it ends with the block."""
    steps = FAULTS[fault][0](cluster, node)
    next(steps)
    try:
        yield
    finally:
        next(steps, None)


def others(name: str) -> list[str]:
    """All machines but this one."""
    return [other for other in network.NAMES if other != name]


def postgres(node: Node) -> list[int]:
    """The processes of PostgreSQL on a machine, the first one first."""
    return [pid for pid in node.pids() if program(pid) == "postgres"]


def postmaster(node: Node) -> int:
    """The first process of PostgreSQL. Raises LauncherError."""
    for pid in postgres(node):
        return pid
    raise LauncherError(f"{node.machine.name} runs no PostgreSQL.")


def program(pid: int) -> str:
    """The name of a process's program; empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
