"""The processes of a server."""

import os
import signal
from pathlib import Path

from tests.server import Server
from tools.processes import alive, wait_until

RESPAWN = ("--respawn-failed-workers", "--respawn-interval", "1", "--workers-kill-timeout", "1")
"""The main process replaces a worker that died, as in production. One that still starts heeds no
order to end: here it is waited for no longer than a second."""


def workers(server: Server) -> list[int]:
    """Process ids of the workers that live now."""
    main = server.pid
    return [int(pid) for pid in Path(f"/proc/{main}/task/{main}/children").read_text().split()]


def stop(server: Server) -> None:
    """TERM, as an installation ends it; returns when all its processes are gone."""
    pids = [server.pid, *workers(server)]
    os.kill(server.pid, signal.SIGTERM)
    assert wait_until(lambda: not any(map(alive, pids)), 60), "the server did not stop"
