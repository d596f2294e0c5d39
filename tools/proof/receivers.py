"""python -m tools.proof.receivers webhooks|mails PORT FILE: take what a shop tells, and note it.

Each message is a line of JSON, written before it is answered: what a receiver that is killed has
answered is in the file.
"""

from __future__ import annotations

import json
import os
import socketserver
import sys
import time
from collections.abc import Iterator
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

from tools.processes import HOST


class _Webhooks(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Write down a message, and take it."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        _file(self).note({"id": self.headers["webhook-id"], "type": body["type"]})
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class _Mails(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        """Have the conversation of SMTP (RFC 5321)."""
        self._say("220 here")
        while line := self.rfile.readline():
            verb = line.split()[0].upper() if line.split() else b""
            if verb == b"DATA":
                self._say("354 go on")
                raw = b"".join(iter(self.rfile.readline, b".\r\n"))
                _file(self).note({"id": message_from_bytes(raw)["Message-ID"]})
            self._say("221 bye" if verb == b"QUIT" else "250 fine")
            if verb == b"QUIT":
                return

    def _say(self, reply: str) -> None:
        self.wfile.write(f"{reply}\r\n".encode())


class _MailServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


class Messages:
    """A file of messages."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, message: dict[str, Any]) -> None:
        """Add a message, with the time."""
        line = json.dumps({"at": time.time(), **message}) + "\n"
        # One write at the end of a file is whole also beside those of other threads.
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The messages, the first one first."""
        lines = self._path.read_text().splitlines() if self._path.exists() else []
        return map(json.loads, lines)


def _file(handler: Any) -> Messages:
    return cast(Messages, handler.server.messages)


def main() -> None:
    """Serve until the process is killed."""
    kind, port, path = sys.argv[1:]
    address, server = (HOST, int(port)), cast(Any, None)
    if kind == "mails":
        server = _MailServer(address, _Mails)
    else:
        server = ThreadingHTTPServer(address, _Webhooks)
    server.messages = Messages(Path(path))
    server.serve_forever()


if __name__ == "__main__":
    main()
