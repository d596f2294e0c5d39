"""Runs a worker, and its tasks."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from larder.ops.tasks import TASKS
from larder.worker.tasks import run_task
from tests.server import ROOT
from tests.tiers import LONGEST
from tools.processes import wait_until


@contextmanager
def worker(log: Path, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "worker"],
            cwd=ROOT,
            env=os.environ | environment,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        assert wait_until(lambda: process.poll() is not None or heeds_term(process.pid))
        process.send_signal(signal.SIGTERM)
        assert process.wait(LONGEST) == 0, log.read_text()


def heeds_term(pid: int) -> bool:
    """Whether a process has said what is to happen at TERM. Linux only."""
    status = Path(f"/proc/{pid}/status").read_text()
    (caught,) = (line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def run(subject: str) -> None:
    """Runs a task in this process, if it is due."""
    (task,) = (task for task in TASKS if task.subject == subject)
    run_task(task)
