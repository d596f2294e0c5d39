"""As much of HTTP/2 as an attacker needs: streams with headers and pieces of a body."""

import ssl
import struct
from pathlib import Path
from socket import create_connection
from typing import Self
from urllib.parse import urlsplit

from tests.system.stack.front_door import NAME

HEADERS, DATA, SETTINGS = 1, 0, 4
END_STREAM, END_HEADERS = 1, 4


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _header(name: str, value: str) -> bytes:
    """A literal header of HPACK, in neither table, without Huffman's code."""
    return b"\0" + b"".join(bytes([len(one)]) + one.encode() for one in (name, value))


class Connection:
    """A connection over TLS; a stream is known by its number."""

    def __init__(self, url: str, certificate: Path, source: str = "") -> None:
        context = ssl.create_default_context(cafile=str(certificate))
        context.set_alpn_protocols(["h2"])
        parts = urlsplit(url)
        plain = create_connection((parts.hostname, parts.port), 10, (source, 0))
        self._socket = context.wrap_socket(plain, server_hostname=NAME)
        self._socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(SETTINGS, 0, 0))
        self._last = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.close()

    def begin(
        self, path: str, length: int | None, *, method: str = "POST", correlation_id: str = ""
    ) -> int:
        """Send the head of a request that a body follows; return its stream."""
        self._last += 2
        given = {":method": method, ":scheme": "https", ":path": path, ":authority": NAME}
        given |= {"content-type": "application/json", "correlation-id": correlation_id}
        given |= {} if length is None else {"content-length": str(length)}
        block = b"".join(_header(name, value) for name, value in given.items())
        self._socket.sendall(_frame(HEADERS, END_HEADERS, self._last, block))
        return self._last

    def send(self, stream: int, piece: bytes, *, last: bool = False) -> None:
        """Send a piece of a stream's body."""
        self._socket.sendall(_frame(DATA, END_STREAM if last else 0, stream, piece))
