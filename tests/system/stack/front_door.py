"""A client of the stack, which connects only to nginx."""

import http.client
import json
import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.server import Server
from tools.http_client import TIMEOUT_SECONDS
from tools.stack import Stack

NAME = "localhost"
"""What the certificate is for; the address is another in each run."""
BACK_SECONDS = 30.0
"""In which what was killed is back: ten on a machine that has nothing else to do."""


@dataclass
class FrontDoor(Server):
    """Speaks to nginx over TLS, as the tests' client speaks to a server."""

    url: str = ""
    certificate: Path = Path()
    _context: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    def __enter__(self) -> "FrontDoor":
        self._context.load_verify_locations(self.certificate)
        return self

    def __exit__(self, *error: object) -> None:
        self.hang_up_all()

    def connect(self, timeout: float = TIMEOUT_SECONDS) -> http.client.HTTPConnection:
        return _Connection(self.url, self._context, timeout)

    def socket(self, timeout: float = 30) -> ssl.SSLSocket:
        """A connection on which a test can write what no client would."""
        address = urlsplit(self.url)
        plain = socket.create_connection((address.hostname, address.port), timeout)
        return self._context.wrap_socket(plain, server_hostname=NAME)


def requests(stack: Stack) -> list[Any]:
    """The last requests in nginx's log."""
    lines = stack["nginx"].log.tail().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


class _Connection(http.client.HTTPSConnection):
    """Goes to the address and asks for the certificate's name."""

    def __init__(self, url: str, context: ssl.SSLContext, timeout: float) -> None:
        super().__init__(urlsplit(url).netloc, context=context, timeout=timeout)
        self._certified = context

    def connect(self) -> None:
        plain = socket.create_connection((self.host, self.port), self.timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = self._certified.wrap_socket(plain, server_hostname=NAME)


def order(front: FrontDoor, token: str, jam: int) -> tuple[str, str]:
    """Of one unit; the order's id and the position of its writing."""
    lines = [{"product": jam, "quantity": 1}]
    placed = front.call("POST", "orders", {"lines": lines}, token=token)
    assert placed.status == 201, placed.body
    return str(placed.body["id"]), placed.headers["larder-position"]
