"""Waits until the server answers and the job worker beats."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tools.errors import LauncherError
from tools.progress_timeout import ProgressTimeout
from tools.run.service import Service
from tools.terminal import say

WAIT_SECONDS = 60.0
"""For which nothing may progress."""
SAY_SECONDS = 10.0
POLL_SECONDS = 0.1
SHOWN_LINES = 15


@dataclass(frozen=True)
class Awaited:
    """What is missing, whose it is, and whether work of its processes is progress.

    A server that answers works for each answer; a service that ended and was started again works
    for each start. Neither brings it any further.
    """

    what: str
    service: Service
    works: bool


def wait(
    host: str, port: int, *, server: Service, worker: Service, tend: Callable[[], None]
) -> None:
    """Return once /readyz says 200 and that the worker is alive, however long that takes.

    `tend` is called between the polls. Says every SAY_SECONDS what is awaited. Raises
    LauncherError with the last log lines of the service that has not progressed for
    WAIT_SECONDS, or of the server as soon as it ends.
    """
    limit, said = ProgressTimeout(WAIT_SECONDS), 0.0
    while awaited := missing(*ask(host, port), server=server, worker=worker):
        if not server.running:
            raise failure("The server ended before it was ready", server)
        limit.look(awaited.what, awaited.service.pid if awaited.works else None)
        if limit.is_over:
            nothing = f"Nothing has progressed for {WAIT_SECONDS:.0f} s"
            raise failure(f"{nothing}: {awaited.what}", awaited.service)
        if limit.waited - said >= SAY_SECONDS:
            said = limit.waited
            say(f"Waiting for {said:.0f} s: {awaited.what}.")
        tend()
        time.sleep(POLL_SECONDS)


def missing(status: int | None, body: Any, *, server: Service, worker: Service) -> Awaited | None:
    """Return what an answer of /readyz still lacks; None when it lacks nothing."""
    if status is None:
        return Awaited("the server does not answer yet", server, works=server.starts == 1)
    if status != 200:
        checks = body.get("checks", {}) if isinstance(body, dict) else {}
        failed = ", ".join(name for name, passed in checks.items() if not passed)
        what = f"the server answers {status}{f' (missing: {failed})' if failed else ''}"
        return Awaited(what, server, works=False)
    if not worker_alive(body):
        return Awaited("the worker does not beat yet", worker, works=worker.starts == 1)
    return None


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
