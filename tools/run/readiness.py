"""Waits until the server answers and the job worker beats."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from typing import Any

from tools.errors import LauncherError
from tools.run.service import Service

DEADLINE_SECONDS = 60.0
POLL_SECONDS = 0.1
SHOWN_LINES = 15


def wait(
    host: str, port: int, *, server: Service, worker: Service, tend: Callable[[], None]
) -> None:
    """Return once /readyz says 200 and that the worker is alive.

    `tend` is called between the polls. Raises LauncherError with the last log lines of
    whoever is not ready by the deadline, or of the server as soon as it ends.
    """
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        status, body = ask(host, port)
        if status == 200 and worker_alive(body):
            return
        if not server.running:
            raise failure("The server ended before it was ready", server)
        if time.monotonic() >= deadline:
            late = f"Not ready after {DEADLINE_SECONDS:.0f} s"
            if status == 200:
                raise failure(f"{late}: the worker does not beat", worker)
            answer = f"answers {status} {body}" if status else "does not answer"
            raise failure(f"{late}: the server {answer}", server)
        tend()
        time.sleep(POLL_SECONDS)


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
    return LauncherError(f"{sentence}. The end of {service.log.path}:\n{shown}")
