"""Waits until the server answers and the job worker beats."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from typing import Any

from larder.local.processes import Service
from larder.local.terminal import LauncherError, say

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


def missing(status: int | None, body: dict[str, Any]) -> str:
    """Return what an answer of /readyz still lacks; empty when it lacks nothing."""
    if status is None:
        return "the server does not answer yet"
    if status != 200:
        failed = ", ".join(name for name, passed in body.get("checks", {}).items() if not passed)
        return f"the server answers {status}{f' (missing: {failed})' if failed else ''}"
    return "" if body.get("worker", {}).get("alive") else "the worker does not beat yet"


def ask(host: str, port: int) -> tuple[int | None, dict[str, Any]]:
    """GET /readyz; return (None, {}) without an answer."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return answer.status, dict(json.loads(answer.read()))
    except (OSError, http.client.HTTPException, ValueError):
        return None, {}
    finally:
        connection.close()


def failure(sentence: str, service: Service) -> LauncherError:
    """Make the error, with the end of the service's log below the sentence."""
    lines = service.log.tail(SHOWN_LINES) or ["(nothing)"]
    shown = "\n".join(f"  {service.name} | {line}" for line in lines)
    return LauncherError(f"{sentence}. Read the end of {service.log.path}:\n{shown}")
