"""Waits until the server answers and the job worker beats."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from typing import Any

from tools.run.service import Service
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
