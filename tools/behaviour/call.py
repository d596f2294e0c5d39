"""A request as it is sent, and what comes back."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Call:
    """One request: `target` is path and query, `body` is text."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None

    def but(self, **changes: Any) -> Call:
        """Return the same request with other attributes."""
        return replace(self, **changes)

    def with_header(self, name: str, value: str | None) -> Call:
        """Return the same request with another value of a header; None leaves the header out."""
        kept = {key: one for key, one in self.headers.items() if key.lower() != name.lower()}
        return replace(self, headers=kept if value is None else kept | {name: value})


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers in the order of their names, and the body's bytes."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """Return a header's value; empty if it is missing."""
        return next((value for key, value in self.headers if key == name.lower()), "")

    @property
    def parsed(self) -> Any:
        """The body's JSON; None if it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


def send(port: int, call: Call) -> Answer:
    """Send the request over a separate connection. Raises OSError and HTTPException."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        body = None if call.body is None else call.body.encode("utf-8", "surrogatepass")
        connection.request(call.method, call.target, body, dict(call.headers))
        response = connection.getresponse()
        headers = tuple(sorted((name.lower(), value) for name, value in response.getheaders()))
        return Answer(response.status, headers, response.read())
    finally:
        connection.close()
