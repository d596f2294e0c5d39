"""nginx before a port."""

import json
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from time import sleep
from types import MappingProxyType

from tools.nginx import lay_out
from tools.ports import free_port, listens
from tools.processes import wait_until

BEHIND_A_PROXY = {"SECURE_SSL_REDIRECT": "1", "TRUSTED_PROXIES": "127.0.0.1/32"}

TAKEN_SECONDS = 0.3
"""After which nginx has read what was sent."""
ORDERS = "/api/v1/orders"
NONE: Mapping[str, str] = MappingProxyType({})


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


def head(
    client: str,
    length: int | None,
    path: str = ORDERS,
    credential: Mapping[str, str] = NONE,
) -> bytes:
    """Return the head of a POST; without a length its body comes in chunks."""
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    more = "".join(f"{name}: {value}\r\n" for name, value in credential.items())
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {client}\r\n{more}"
        f"Accept: application/json\r\nContent-Type: application/json\r\n{size}\r\n\r\n"
    ).encode()


@contextmanager
def unfinished(
    port: int,
    *clients: str,
    length: int | None = 100,
    path: str = ORDERS,
    credential: Mapping[str, str] = NONE,
) -> Iterator[None]:
    """Open a connection for each of the addresses, and send a byte of a body on it."""
    with ExitStack() as connections:
        for client in clients:
            connection = connections.enter_context(socket.create_connection(("127.0.0.1", port)))
            connection.sendall(head(client, length, path, credential) + b"1")
        sleep(TAKEN_SECONDS)
        yield


def refused(
    port: int,
    client: str,
    length: int | None = 100,
    path: str = ORDERS,
    credential: Mapping[str, str] = NONE,
) -> bool:
    """Return whether nginx refuses a request of that client as one too many."""
    with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
        connection.sendall(head(client, length, path, credential) + b"1")
        with suppress(TimeoutError):
            answer = connection.recv(65_536)
            assert answer.startswith(b"HTTP/1.1 503 "), answer
            assert b"Retry-After: 1" in answer
            assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "overloaded"
            return True
    return False
