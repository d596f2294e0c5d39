"""Sends requests one after the other, over one connection that is kept alive."""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass

from benchmarks.traffic import HOST, PROXIED
from tools.errors import LauncherError

TIMEOUT = 30.0
"""Seconds for an answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request, and the status of the only right answer."""

    path: str
    method: str = "GET"
    body: bytes | None = None
    status: int = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """How many seconds it took, to the last byte, and what it was."""

    seconds: float
    body: bytes


class Client:
    """One connection to the server at a port, with a token."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT)
        self._headers = PROXIED | {"Authorization": f"Bearer {token}"}

    def ask(self, request: Request) -> Answer:
        """Asks, and waits for the answer. Raises LauncherError unless it is as it should be."""
        headers = self._headers
        if request.body is not None:
            headers = headers | {"Content-Type": "application/json"}
        began = time.perf_counter()
        self._connection.request(request.method, request.path, request.body, headers)
        reply = self._connection.getresponse()
        body = reply.read()
        answer = Answer(time.perf_counter() - began, body)
        if reply.status != request.status:
            answers = f"{request.method} {request.path} answered {reply.status}: {body.decode()}"
            raise LauncherError(answers)
        return answer
