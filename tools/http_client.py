"""The HTTP client of tests and tools."""

from __future__ import annotations

import http.client
import json
import select
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

HOST = "127.0.0.1"
TIMEOUT_SECONDS = 30.0

LATER = frozenset({0, 429, 503})
"""No answer, or one that asks to repeat the request later."""
LONGEST_IDLE = 1.0
"""Seconds after which a kept connection is not used again: the server may be closing it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, or with status 0 the reason why none came."""

    status: int
    body: Any
    """Parsed where it is JSON."""
    headers: dict[str, str] = field(default_factory=dict)
    """By lower-case names."""
    at: float = field(default_factory=time.monotonic)
    """The moment at which it was complete, by the monotonic clock."""

    @property
    def code(self) -> str:
        """The problem's code, or the status where the body has none."""
        code = self.body.get("code") if isinstance(self.body, dict) else None
        return str(code or self.status)

    @property
    def replayed(self) -> bool:
        """Whether the server says that it had done this before."""
        return self.headers.get("idempotency-replayed") == "true"


class Client:
    """Requests to a port of this machine, or to a URL, over one kept connection for each thread."""

    def __init__(self, port: int, timeout: float = TIMEOUT_SECONDS, *, url: str = "") -> None:
        self.port = port
        self.timeout = timeout
        self._url = url
        self._kept = threading.local()
        self._connections: list[http.client.HTTPConnection] = []

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request once and return the reply. Bytes are sent as they are, all else as JSON.

        A path without a leading slash lies below /api/v1/. Raises OSError and HTTPException.
        """
        sent = dict(headers or {})
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        if token:
            sent["Authorization"] = f"Bearer {token}"
        full = path if path.startswith("/") else f"/api/v1/{path}"
        connection = self._connection()
        try:
            # A server may answer and close the connection without reading the whole request.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, full, data, sent)
            answer = connection.getresponse()
            raw = answer.read()
        except BaseException:
            self.hang_up()
            raise
        if answer.will_close or answer.status >= 400:
            # The request may have gone unread, and the connection ends then, a little later.
            self.hang_up()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, _parsed(raw, found), found)

    def attempt(self, method: str, path: str, body: Any = None, **options: Any) -> Reply:
        """Send a request once as `call` does; return a reply of status 0 when none came."""
        try:
            return self.call(method, path, body, **options)
        except (OSError, http.client.HTTPException) as error:
            return Reply(0, f"{type(error).__name__}: {error}")

    def insist(
        self, method: str, path: str, body: Any = None, *, seconds: float = 240.0, **options: Any
    ) -> Reply:
        """Repeat a request until it is answered with neither 429 nor 503, or time is over."""
        deadline = time.monotonic() + seconds
        while True:
            reply = self.attempt(method, path, body, **options)
            if reply.status not in LATER or time.monotonic() > deadline:
                return reply
            time.sleep(min(float(reply.headers.get("retry-after", 0.05)), 1.0))

    def _connection(self) -> http.client.HTTPConnection:
        kept: http.client.HTTPConnection | None = getattr(self._kept, "connection", None)
        idle = 0.0 if kept is None else time.monotonic() - self._kept.used
        if kept is not None and (idle > LONGEST_IDLE or _was_closed(kept)):
            self.hang_up()
            kept = None
        if kept is None:
            kept = self._kept.connection = self.connect(self.timeout)
            self._connections.append(kept)
        self._kept.used = time.monotonic()
        return kept

    def connect(self, timeout: float = TIMEOUT_SECONDS) -> http.client.HTTPConnection:
        """Return a new connection, which the caller closes."""
        scheme, host, port = self._address()
        kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
        return kind(host, port, timeout=timeout)

    def _address(self) -> tuple[str, str, int]:
        url = urlsplit(self._url or f"http://{HOST}:{self.port}")
        port = url.port or (443 if url.scheme == "https" else 80)
        return url.scheme, url.hostname or HOST, port

    def hang_up(self) -> None:
        """Close this thread's connection."""
        kept: http.client.HTTPConnection | None = getattr(self._kept, "connection", None)
        if kept is not None:
            kept.close()
            self._connections.remove(kept)
            self._kept.connection = None

    def hang_up_all(self) -> None:
        """Close the connections of all threads, none of which may be in use."""
        for connection in self._connections:
            connection.close()


def _was_closed(connection: http.client.HTTPConnection) -> bool:
    """Return whether the server has closed a connection on which no answer is awaited."""
    return connection.sock is not None and bool(select.select([connection.sock], [], [], 0)[0])


def _parsed(raw: bytes, headers: Mapping[str, str]) -> Any:
    if raw and "json" in headers.get("content-type", ""):
        try:
            return json.loads(raw)
        except ValueError:
            return raw
    return raw
