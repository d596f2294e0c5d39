"""Which requests nginx sends to a second server, with the servers of compose.yaml."""

import re
import shutil
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest

from tests.system.deploy.nginx import head, nginx_before
from tools.nginx import FOLDER, LUA
from tools.ports import free_port

SHORT = {
    "proxy_read_timeout 60s": "proxy_read_timeout 600ms",
    "proxy_next_upstream_timeout 3s": "proxy_next_upstream_timeout 300ms",
}
"""The times of http.conf in the same order, for servers that do not answer."""
ANSWER = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
UPSTREAM = r"(?s)upstream larder \{.*?\n\}"

pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
with_lua = pytest.mark.skipif(not LUA.exists(), reason="libnginx-mod-http-lua is not installed")


def upstream(servers: Sequence[int]) -> dict[str, str]:
    """Return the change that puts the upstream of compose.yaml before these two ports."""
    (block,) = re.findall(UPSTREAM, (FOLDER / "two.conf").read_text())
    for name, port in zip(("app1:8000", "app2:8000"), servers, strict=True):
        block = block.replace(name, f"127.0.0.1:{port}")
    return {UPSTREAM: block}


@contextmanager
def server(answer: bytes | None, seen: list[str]) -> Iterator[int]:
    """Run a server that notes the methods sent to it; give its port.

    It sends the answer; with an empty one it only closes the connection, with None it does nothing.
    """
    kept: list[socket.socket] = []

    def serve(listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                kept.append(connection)
                request = b""
                # All of it: a close before that is a reset, which may overtake the answer.
                while not request.endswith(b"{}"):
                    request += connection.recv(65_536)
                seen.append(request.split(b" ", 1)[0].decode())
                if answer is not None:
                    connection.sendall(answer)
                    connection.close()

    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        serving = Thread(target=serve, args=[listening])
        serving.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            serving.join()
            for connection in kept:
                connection.close()


def status(port: int, method: str = "GET") -> int:
    """Return the status of the answer to one request."""
    sent = head("198.51.100.1", 2).replace(b"POST", method.encode(), 1) + b"{}"
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(sent)
        return int(connection.recv(65_536).split(b" ", 2)[1])


@contextmanager
def nginx_before_two(answer: bytes | None, folder: Path) -> Iterator[tuple[int, list[str]]]:
    """Run nginx before two servers that answer so; give its port and the methods they got."""
    seen: list[str] = []
    with ExitStack() as running:
        servers = [running.enter_context(server(answer, seen)) for _ in range(2)]
        changes = upstream(servers) | (SHORT if answer is None else {})
        yield running.enter_context(nginx_before(servers[0], folder, changes)), seen


def test_a_request_that_is_answered_too_late_is_not_repeated(tmp_path: Path) -> None:
    with nginx_before_two(None, tmp_path) as (port, seen):
        for method in ("GET", "PUT", "DELETE", "POST"):
            assert status(port, method) == 504
        assert seen == ["GET", "PUT", "DELETE", "POST"]


@with_lua
@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST", "PATCH"])
def test_a_write_whose_connection_was_lost_is_not_repeated(tmp_path: Path, method: str) -> None:
    with nginx_before_two(b"", tmp_path) as (port, seen):
        assert status(port, method) == 502
        assert status(port, method) == 502
    assert seen == [method, method]


def test_a_read_whose_connection_was_lost_is_repeated_once(tmp_path: Path) -> None:
    with nginx_before_two(b"", tmp_path) as (port, seen):
        assert status(port) == 502
    assert seen == ["GET", "GET"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST", "PATCH"])
def test_each_request_is_answered_while_one_server_refuses_connections(
    tmp_path: Path, method: str
) -> None:
    seen: list[str] = []
    with (
        server(ANSWER, seen) as running,
        nginx_before(running, tmp_path, upstream([free_port(), running])) as port,
    ):
        for _ in range(6):
            assert status(port, method) == 204
    assert seen == [method] * 6
