"""Runs a job worker, and adds jobs for it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from procrastinate.contrib.django import app

from larder.db import database
from tests.server import ROOT
from tests.tiers import LONGEST
from tools.processes import wait_until


@contextmanager
def job_worker(log: Path, *options: str, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "manage.py", "procrastinate", "worker", *options]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | environment, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        # It has a row and beats a moment before TERM ends it in order.
        assert wait_until(lambda: process.poll() is not None or _heeds_term(process.pid))
        process.send_signal(signal.SIGTERM)
        assert process.wait(LONGEST) == 0, log.read_text()


def _heeds_term(pid: int) -> bool:
    """Whether a process has said what is to happen at TERM. Linux only."""
    status = Path(f"/proc/{pid}/status").read_text()
    (caught,) = (line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def run_waiting_jobs(log: Path) -> list[dict[str, Any]]:
    """Runs a worker until no job waits, one job after the other; returns its log lines."""
    with job_worker(log, "--one-shot", "--concurrency", "1", LOG_LEVEL="INFO") as process:
        process.wait(LONGEST)
    lines = log.read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def add_job(task: str, status: str, *, attempts: int = 0, lock: str | None = None) -> int:
    ((job,),) = database.rows(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, status, attempts, queueing_lock,"
        " args) VALUES ('default', %s, %s::procrastinate_job_status, %s, %s, '{\"timestamp\": 0}')"
        " RETURNING id",
        [f"larder.ops.tasks.{task}", status, attempts, lock],
    )
    return int(job)


def defer_job(task: str) -> None:
    app.configure_task(f"larder.ops.tasks.{task}").defer(timestamp=0)
