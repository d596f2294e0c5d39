"""Requests that follow from each other's answers, over one connection."""

from __future__ import annotations

import json
import socket
from collections.abc import Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from benchmarks.generator import READ_BYTES, BadReply, reply_length
from benchmarks.traffic import HOST

TIMEOUT = 60.0
"""Seconds an answer may take."""
SERVER_ERRORS = 500


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, the raw head and the body of an answer."""

    status: int
    head: bytes
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read. Raises BadReply when it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise BadReply(self.body[:500].decode(errors="replace")) from error

    def header(self, name: str) -> str:
        """A header's text; empty without it."""
        for line in self.head.decode(errors="replace").split("\r\n")[1:]:
            found, _, text = line.partition(":")
            if found.lower() == name.lower():
                return text.strip()
        return ""

    def expect(self, status: int) -> Reply:
        """Itself. Raises BadReply with another status."""
        if self.status != status:
            raise BadReply((self.head + self.body)[:500].decode(errors="replace"))
        return self


Flow = Generator[bytes, Reply, None]
"""Yields each request, as bytes, and is sent its answer."""

TRIES = 3
"""How often an app sends a request that the server fails at."""


def insist(request: bytes) -> Generator[bytes, Reply, Reply]:
    """A part of a flow: one request, again when the server fails (5xx); the last answer."""
    for _ in range(TRIES):
        reply = yield request
        if reply.status < SERVER_ERRORS:
            break
    return reply


class Refused(Exception):
    """The system refuses the order, as it should."""


class Conversation(AbstractContextManager["Conversation"]):
    """A connection that is kept alive, with one request at a time. `errors` counts answers 5xx."""

    def __init__(self, port: int) -> None:
        self.errors = 0
        self._socket = socket.create_connection((HOST, port), TIMEOUT)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> Reply:
        """One request. Raises BadReply or OSError when no whole answer comes."""
        self._socket.sendall(request)
        received, length = b"", None
        while length is None or len(received) < length:
            data = self._socket.recv(READ_BYTES)
            if not data:
                raise BadReply("the server closed a connection")
            received = received + data if received else data
            length = length or reply_length(received)
        head, _, body = received.partition(b"\r\n\r\n")
        reply = Reply(int(head[9:12]), head, body)
        self.errors += reply.status >= SERVER_ERRORS
        return reply

    def follow(self, flow: Flow) -> int:
        """Goes through a flow to its end and returns how many requests it took."""
        requests = 0
        try:
            request = next(flow)
            while True:
                requests += 1
                request = flow.send(self.ask(request))
        except StopIteration:
            return requests

    def close(self) -> None:
        """Hangs up."""
        self._socket.close()

    def __exit__(self, *_ended: object) -> None:
        self.close()
