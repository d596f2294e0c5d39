"""Waits until the server answers and the job worker beats."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.processes import Kept, LogFile
from tools.terminal import LauncherError, say

WAIT_SECONDS = 300.0
"""A busy machine takes minutes."""
SAY_SECONDS = 10.0
POLL_SECONDS = 0.1
SHOWN_LINES = 15


def wait(
    host: str, port: int, *, server: Service, worker: Service, tend: Callable[[], None]
) -> None:
    """Return once /readyz says 200 and that the worker is alive.

    `tend` is called between the polls. Says every SAY_SECONDS what is awaited. Raises
    LauncherError after WAIT_SECONDS with the last log lines of what is missing, or of the server
    as soon as it ends.
    """
    began = said = time.monotonic()
    while awaited := missing(*ask(host, port)):
        if not server.running:
            raise failure("The server ended before it was ready", server)
        now = time.monotonic()
        if now - began > WAIT_SECONDS:
            late = worker if "worker" in awaited else server
            raise failure(f"After {WAIT_SECONDS:.0f} s {awaited}", late)
        if now - said >= SAY_SECONDS:
            said = now
            say(f"Waiting for {now - began:.0f} s: {awaited}.")
        tend()
        time.sleep(POLL_SECONDS)


def missing(status: int | None, body: Any) -> str:
    """Return what an answer of /readyz still lacks; empty when it lacks nothing."""
    if status is None:
        return "the server does not answer yet"
    if status != 200:
        checks = body.get("checks", {}) if isinstance(body, dict) else {}
        failed = ", ".join(name for name, passed in checks.items() if not passed)
        return f"the server answers {status}{f' (missing: {failed})' if failed else ''}"
    return "" if worker_alive(body) else "the worker does not beat yet"


def ask(host: str, port: int) -> tuple[int | None, Any]:
    """GET /readyz; return (None, None) without an answer, (status, None) without JSON."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        content = answer.read()
    except (OSError, http.client.HTTPException):
        return None, None
    finally:
        connection.close()
    try:
        return answer.status, json.loads(content)
    except ValueError:
        return answer.status, None


def worker_alive(body: Any) -> bool:
    """Read the worker's heart-beat from the body of /readyz."""
    worker = body.get("worker") if isinstance(body, dict) else None
    return isinstance(worker, dict) and worker.get("alive") is True


def failure(sentence: str, service: Service) -> LauncherError:
    """Make the error, with the end of the service's log below the sentence."""
    lines = service.log.tail(SHOWN_LINES).splitlines() or ["(nothing)"]
    shown = "\n".join(f"  {service.name} | {line}" for line in lines)
    return LauncherError(f"{sentence}. Read the end of {service.log.path}:\n{shown}")


PAUSE_SECONDS = 2.0
"""Between the end of a command and its next start."""


@dataclass
class Service:
    """One command whose output goes to a separate log file."""

    name: str
    command: Sequence[str | Path]
    environment: Mapping[str, str]
    log: LogFile
    _kept: Kept | None = None
    _due: float = 0.0

    def start(self) -> None:
        """Start the command."""
        with self.log.path.open("ab") as output:
            self._kept = Kept(self.command, environment=self.environment, output=output)

    @property
    def running(self) -> bool:
        """Whether the command runs."""
        return self._kept is not None and self._kept.status is None

    def tend(self) -> str | None:
        """Notice an end, start again when it is time; return a line for the terminal."""
        if self.running:
            return None
        if self._kept is not None:
            status, self._kept = self._kept.close(), None
            self._due = time.monotonic() + PAUSE_SECONDS
            return f"The {self.name} ended with status {status}: next start soon ({self.log.path})."
        if time.monotonic() >= self._due:
            self.start()
        return None

    def order_stop(self) -> None:
        """Begin to stop without waiting."""
        if self._kept is not None:
            self._kept.order_stop()

    def close(self) -> None:
        """Stop and wait."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None
