"""HTTP/1.1 as a phone speaks it: kept-alive connections, time-outs, and hanging up."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tools.errors import LauncherError

TIMEOUT_SECONDS = 30.0
API = "/api/v1/"


@dataclass(frozen=True)
class Answer:
    """What came back, and after how many seconds."""

    status: int
    body: Any
    headers: Mapping[str, str]
    seconds: float

    @property
    def code(self) -> str:
        """The problem's code, or the status where there is none."""
        code = self.body.get("code") if isinstance(self.body, dict) else None
        return str(code or self.status)

    @property
    def replayed(self) -> bool:
        """Whether the server says that it has done this before."""
        return self.headers.get("idempotency-replayed") == "true"


@dataclass(frozen=True)
class Request:
    """One request; `path` without the API's prefix unless it begins with a slash."""

    method: str
    path: str
    body: Any = None
    token: str | None = None
    key: str | None = None
    position: str | None = None
    """Of the caller's last write, for reads that a replica may answer."""

    @property
    def headers(self) -> dict[str, str]:
        """The headers to send."""
        headers = {} if self.body is None else {"Content-Type": "application/json"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        if self.key is not None:
            headers["Idempotency-Key"] = self.key
        if self.position is not None:
            headers["Larder-Position"] = self.position
        return headers


class Line:
    """A connection to the server; made when needed, and again when it was closed.

    `timeout`: the seconds an answer is waited for.
    """

    def __init__(self, base_url: str, *, timeout: float = TIMEOUT_SECONDS) -> None:
        parts = urlsplit(base_url)
        kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
        if parts.scheme not in kinds or parts.hostname is None:
            raise LauncherError(f"BASE_URL={base_url} is not an address like http://host:port.")
        self._prefix = parts.path.rstrip("/")
        self._connection = kinds[parts.scheme](parts.hostname, parts.port, timeout=timeout)
        self._sent = 0.0

    def call(self, request: Request) -> Answer:
        """Send a request and wait for the answer. Raises OSError or HTTPException."""
        self.send(request)
        return self.receive()

    def send(self, request: Request) -> None:
        """Send a request; the answer is fetched with receive()."""
        path = request.path if request.path.startswith("/") else API + request.path
        body = None if request.body is None else json.dumps(request.body).encode()
        self._sent = time.perf_counter()
        try:
            self._connection.request(request.method, self._prefix + path, body, request.headers)
        except BaseException:
            self.hang_up()
            raise

    def receive(self) -> Answer:
        """Wait for the answer to what was sent."""
        try:
            response = self._connection.getresponse()
            content = response.read()
        except BaseException:
            self.hang_up()
            raise
        seconds = time.perf_counter() - self._sent
        headers = {name.lower(): value for name, value in response.getheaders()}
        is_json = "json" in headers.get("content-type", "")
        body = json.loads(content) if content and is_json else None
        return Answer(response.status, body, headers, seconds)

    def hang_up(self) -> None:
        """Close the connection, whatever is under way on it."""
        self._connection.close()

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *error: object) -> None:
        self.hang_up()
