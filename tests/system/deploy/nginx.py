"""nginx before a port, the servers behind it, and clients that send a part of a request."""

import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Thread
from time import sleep
from types import MappingProxyType

import pytest

from tools.nginx import LUA, lay_out
from tools.processes import free_port, listens, wait_until

BEHIND_A_PROXY = {"SECURE_SSL_REDIRECT": "1", "TRUSTED_PROXIES": "127.0.0.1/32"}
TAKEN_SECONDS = 0.3
"""After which nginx has read what was sent."""
ORDERS = "/api/v1/orders"
NONE: Mapping[str, str] = MappingProxyType({})
NO_CONTENT = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"

needs_nginx = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
with_lua = pytest.mark.skipif(not LUA.exists(), reason="libnginx-mod-http-lua is not installed")


@contextmanager
def nginx_before(
    server: int, folder: Path, changes: Mapping[str, str] = NONE, *, site: str = "behind"
) -> Iterator[int]:
    """Run nginx, without TLS, before a server; give the port where it listens."""
    port = free_port()
    upstream = {r"(127\.0\.0\.1|app[12]):800[01]\b": f"127.0.0.1:{server}"}
    main = lay_out(site, folder, port, {**changes, **upstream})
    command = ["nginx", "-e", "stderr", "-c", str(main), "-g", "daemon off;"]
    with subprocess.Popen(command) as nginx:
        try:
            assert wait_until(lambda: listens(port)), "nginx does not listen"
            yield port
        finally:
            nginx.terminate()


@contextmanager
def server(answer: bytes | None, seen: list[str] | None = None) -> Iterator[int]:
    """Run a server that notes the first lines of its requests; give its port.

    It sends the answer; with an empty one it only closes the connection, with None it does nothing.
    """
    sockets: list[socket.socket] = []

    def serve(listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                sockets.append(connection)
                request = _request(connection)
                if seen is not None and request:
                    seen.append(request.split(b" HTTP/1.1", 1)[0].decode())
                if answer is not None:
                    with suppress(OSError):
                        connection.sendall(answer)
                    connection.close()

    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        serving = Thread(target=serve, args=[listening])
        serving.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            serving.join()
            for connection in sockets:
                connection.close()


def _request(connection: socket.socket) -> bytes:
    """Read a request, all of it: a close before that is a reset, which may overtake the answer."""
    request, more = b"", b"-"
    while more and not _is_complete(request):
        more = connection.recv(65_536)
        request += more
    return request


def _is_complete(request: bytes) -> bool:
    head_, end, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head_)
    return end != b"" and len(body) >= (int(length[1]) if length else 0)


def head(
    client: str, length: int | None, path: str = ORDERS, headers: Mapping[str, str] = NONE
) -> bytes:
    """Return the head of a POST; without a length its body comes in chunks."""
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {client}\r\n{more}"
        f"Accept: application/json\r\nContent-Type: application/json\r\n{size}\r\n\r\n"
    ).encode()


def answer_to(port: int, request: bytes) -> bytes:
    """Return the beginning of the answer to a request."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request)
        return connection.recv(65_536)


@contextmanager
def unfinished(
    port: int,
    *clients: str,
    length: int | None = 100,
    path: str = ORDERS,
    headers: Mapping[str, str] = NONE,
) -> Iterator[None]:
    """Open a connection for each of the addresses, and send a byte of a body on it."""
    with ExitStack() as connections:
        for client in clients:
            connection = connections.enter_context(socket.create_connection(("127.0.0.1", port)))
            connection.sendall(head(client, length, path, headers) + b"1")
        sleep(TAKEN_SECONDS)
        yield


def refused(
    port: int,
    client: str,
    length: int | None = 100,
    path: str = ORDERS,
    headers: Mapping[str, str] = NONE,
) -> bool:
    """Return whether nginx refuses a request of that client as one too many."""
    with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
        connection.sendall(head(client, length, path, headers) + b"1")
        with suppress(TimeoutError):
            answer = connection.recv(65_536)
            assert answer.startswith(b"HTTP/1.1 503 "), answer
            assert b"Retry-After: 1" in answer
            assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "overloaded"
            return True
    return False
