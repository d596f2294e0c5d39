"""Clears the way on a data folder: whatever an earlier, killed launcher left there is ended.

A live postmaster is stopped, not adopted: its settings and its life line would not be ours.
The caller holds the folder's lock, so no other program needs what is stopped here.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from tools.processes import send, wait_until

ORPHAN_SECONDS = 5.0
STOP_STEPS = ((signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))


def clear(cluster: Path) -> None:
    """End every PostgreSQL process of the cluster and remove a stale postmaster.pid.

    PostgreSQL itself only asks whether the recorded pid exists. That may be a zombie that
    not reaped yet, or by now a stranger's process: "lock file already exists".
    """
    postmaster = recorded_pid(cluster)
    if postmaster is not None and postmaster in processes_of(cluster):
        stop(postmaster, cluster)
    end_orphans(cluster)
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def recorded_pid(cluster: Path) -> int | None:
    """Return the pid on the first line of postmaster.pid, if there is one."""
    try:
        return int((cluster / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None


def stop(postmaster: int, cluster: Path) -> None:
    """Shut a postmaster down: fast, then at once, then by force."""
    for number, seconds in STOP_STEPS:
        send(postmaster, number)
        if wait_until(lambda: postmaster not in processes_of(cluster), seconds):
            return


def end_orphans(cluster: Path) -> None:
    """Wait for the children of a dead postmaster, which notice by themselves; then kill them."""
    if wait_until(lambda: not processes_of(cluster), ORPHAN_SECONDS):
        return
    for pid in processes_of(cluster):
        send(pid, signal.SIGKILL)
    wait_until(lambda: not processes_of(cluster), ORPHAN_SECONDS)


def processes_of(cluster: Path) -> list[int]:
    """Return the PostgreSQL processes that live in this data folder, and no others."""
    if sys.platform != "linux":
        return shown_postmaster(cluster)
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and lives_in(entry, cluster)
    ]


def shown_postmaster(cluster: Path) -> list[int]:
    """Without /proc: return the recorded pid if `ps` shows a postmaster of the cluster there."""
    pid = recorded_pid(cluster)
    if pid is None:
        return []
    shown = subprocess.run(
        ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return [pid] if f"-D {cluster}" in shown.stdout else []


def lives_in(entry: Path, cluster: Path) -> bool:
    """Say whether a /proc entry is a postgres working in the cluster."""
    try:
        home = (entry / "cwd").readlink()
        program = (entry / "exe").readlink()
    except OSError:
        return False
    return home == cluster and program.name.split(" ")[0] == "postgres"
