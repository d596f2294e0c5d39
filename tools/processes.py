"""Processes and ports, and waits for them."""

from __future__ import annotations

import atexit
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from larder.local.postgresql import Cluster


def send(pid: int, number: int) -> None:
    """Send a signal to a process that may just have ended."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


LONGEST_WAIT = 60.0
"""Seconds until a wait gives up, on a busy machine."""


def wait_until(condition: Callable[[], bool], seconds: float = LONGEST_WAIT) -> bool:
    """Poll the condition, often at first; False when `seconds` pass without it."""
    deadline, pause = time.monotonic() + seconds, 0.001
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
        pause = min(2 * pause, 0.05)
    return True


def children(pid: int) -> list[int]:
    """The children of a process and all its threads, none when it is gone. Linux only.

    Each process is read for its parent: the kernel's own list of children forgets some while
    others start and end.
    """
    pids = sorted(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [one for one in pids if parent(one) == pid]


def parent(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def postmaster(cluster: Cluster) -> int:
    """Return the process id of a cluster's first process; 0 when there is none."""
    try:
        return int((cluster.data / "server/cluster/postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return 0


def alive(pid: int) -> bool:
    """Say whether a process is there and no zombie. Linux only."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


HOST = "127.0.0.1"


def free_port() -> int:
    """Return a free port of the loopback interface, which no other process is given.

    A port that was only found free can become the source port of another connection. This one
    stays bound, without listening, until this process ends, so the kernel does not choose it for
    others. A program that names it may listen there with SO_REUSEADDR, as servers do; until then
    connections are refused. Other kernels than Linux would refuse that too, so there the port is
    released.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind((HOST, 0))
    port = int(held.getsockname()[1])
    if sys.platform == "linux":
        atexit.register(held.close)
    else:
        held.close()
    return port


def listens(port: int) -> bool:
    """Say whether a client takes connections at a port of the loopback interface."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0
