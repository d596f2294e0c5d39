"""A client that sends what no app would send."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HOST = "127.0.0.1"
TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Reply:
    """Status, body (parsed where it is JSON), and headers with lower-case names."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def code(self) -> str:
        """The problem's code, or the status where the body has none."""
        found = self.body.get("code") if isinstance(self.body, dict) else None
        return str(found or self.status)


class Client:
    """Requests to a port of this machine, over one kept connection for each thread."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._kept = threading.local()

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> Reply:
        """Send a request and return the reply. Bytes are sent as they are, all else as JSON.

        A path without a leading slash lies below /api/v1/. A request on a kept connection that the
        server has closed is sent once more where that is safe (GET); otherwise each call of a
        method that writes opens a connection. Raises OSError and HTTPException.
        """
        sent = dict(headers or {})
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        if token is not None:
            sent.setdefault("Authorization", f"Bearer {token}")
        full = path if path.startswith("/") else f"/api/v1/{path}"
        if method != "GET":
            self.hang_up()
        try:
            return self._sent(method, full, data, sent, timeout)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            self.hang_up()
            if method != "GET":
                raise
        return self._sent(method, full, data, sent, timeout)

    def _sent(
        self, method: str, path: str, data: bytes | None, headers: dict[str, str], timeout: float
    ) -> Reply:
        connection = self._connection(timeout)
        try:
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            raw = answer.read()
        except BaseException:
            self.hang_up()
            raise
        if answer.will_close:
            self.hang_up()
        found = {key.lower(): value for key, value in answer.getheaders()}
        return Reply(answer.status, _parsed(raw, found), found)

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        kept: http.client.HTTPConnection | None = getattr(self._kept, "connection", None)
        if kept is None:
            kept = http.client.HTTPConnection(HOST, self.port, timeout=timeout)
            self._kept.connection = kept
        kept.timeout = timeout
        if kept.sock is not None:
            kept.sock.settimeout(timeout)
        return kept

    def hang_up(self) -> None:
        """Close this thread's connection."""
        kept: http.client.HTTPConnection | None = getattr(self._kept, "connection", None)
        if kept is not None:
            kept.close()

    def socket(self, timeout: float = TIMEOUT_SECONDS) -> socket.socket:
        """Return a new TCP connection, for requests that an HTTP client does not write."""
        return socket.create_connection((HOST, self.port), timeout)


def _parsed(raw: bytes, headers: Mapping[str, str]) -> Any:
    if raw and "json" in headers.get("content-type", ""):
        try:
            return json.loads(raw)
        except ValueError:
            return raw
    return raw
