"""Starts a second server in the folder of a running one, and the next after one was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tools.attack.target import Target, require
from tools.http_client import HOST
from tools.ports import free_port, listens
from tools.processes import alive, children, wait_until
from tools.run import readiness

ITEM = 15
TITLE = "A second server with the same SHARED_DIR"
PROMISE = "It is refused while the first runs; workers of a killed server are ended first."

START_SECONDS = 60.0


def attack(target: Target, *, full: bool) -> str:
    """Return what became of the second server and of the workers. Raises Broken."""
    with tempfile.TemporaryDirectory(dir=target.folder) as shared:
        port = free_port()
        with _served(target, shared, port) as first:
            with _served(target, shared, free_port()) as second:
                ended = wait_until(lambda: second.poll() is not None, 20.0)
            require(ended, "the second server runs beside the first")
            left = children(first.pid)
            first.kill()
            first.wait()
            try:
                with _served(target, shared, port):
                    require(
                        wait_until(lambda: not any(map(alive, left)), 20.0),
                        "workers of the killed server live on beside the next",
                    )
                    # Until they had ended it was the left-over workers that answered.
                    answers = wait_until(lambda: _answers(port), START_SECONDS)
                    require(answers, "the next server does not answer")
            finally:
                _kill(left)
    return f"the second was refused; {len(left)} left-over workers were ended by the next"


@contextmanager
def _served(target: Target, shared: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Start a server as an installation does, without a keeper that would end its workers."""
    own = {"SHARED_DIR": shared, "PROMETHEUS_MULTIPROC_DIR": shared, "PORT": str(port)}
    with Path(target.folder, f"second-{port}.log").open("ab") as log:
        process = subprocess.Popen(
            [target.code.python, "-m", "larder.ops.serve"],
            cwd=target.checkout,
            env={**target.environment, **own},
            stdout=log,
            stderr=log,
        )
    try:
        wait_until(lambda: process.poll() is not None or _answers(port), START_SECONDS)
        yield process
    finally:
        if process.poll() is None:
            _kill([*children(process.pid), process.pid])
        process.wait()


def _answers(port: int) -> bool:
    return listens(port) and readiness.ask(HOST, port)[0] == 200


def _kill(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
