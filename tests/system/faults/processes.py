"""The processes of a server, and how to kill them."""

import os
import signal
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

from tests.server import Server
from tools.processes import alive, wait_until

RESPAWN = ("--respawn-failed-workers", "--respawn-interval", "1", "--workers-kill-timeout", "1")
"""The main process replaces a worker that died, as in production. One that still starts heeds no
order to end: here it is waited for no longer than a second."""


def workers(server: Server) -> list[int]:
    """Process ids of the workers that live now."""
    main = server.pid
    return [int(pid) for pid in Path(f"/proc/{main}/task/{main}/children").read_text().split()]


def kill_worker(server: Server) -> None:
    """Kill -9 of one worker; returns when another has taken its place."""
    before = workers(server)
    os.kill(before[0], signal.SIGKILL)
    deadline = monotonic() + 60
    while before[0] in workers(server) or len(workers(server)) < len(before):
        assert monotonic() < deadline, "the worker was not replaced"
        sleep(0.05)


def kill_all(server: Server) -> None:
    """Kill -9 of the main process and, for they would live on, of its workers."""
    for pid in (server.pid, *workers(server)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def stop(server: Server) -> None:
    """TERM, as an installation ends it; returns when all its processes are gone."""
    pids = [server.pid, *workers(server)]
    os.kill(server.pid, signal.SIGTERM)
    assert wait_until(lambda: not any(map(alive, pids)), 60), "the server did not stop"
