"""Long answers at nginx, which take files while clients read them slowly."""

import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Thread

import pytest

from tests.system.deploy.nginx import nginx_before

READERS = 100
LENGTH = 400_000
EXPORT = "/api/v1/orders.csv"
# The kernel of a test machine would take the whole answer.
SMALL_QUEUE = {r"listen (127[^;]*);": r"listen \1 sndbuf=16k;"}

pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")


@pytest.fixture
def long_answers() -> Iterator[int]:
    """The port of a server whose answers are long."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % LENGTH
    answer += b"x" * LENGTH

    def serve(listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with connection, suppress(OSError):
                    connection.settimeout(20)
                    connection.recv(65_536)
                    connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0), backlog=READERS) as listening:
        serving = Thread(target=serve, args=[listening])
        serving.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        serving.join()


def slow_reader(port: int, client: str, path: str) -> socket.socket:
    """Send a request whose answer is read hardly at all; return the connection."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    connection.connect(("127.0.0.1", port))
    connection.settimeout(20)
    connection.sendall(
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {client}\r\n\r\n".encode()
    )
    # Its place is taken from here on.
    assert connection.recv(9) == b"HTTP/1.1 "
    return connection


def test_exports_are_limited_for_each_site_and_in_total(long_answers: int, tmp_path: Path) -> None:
    with nginx_before(long_answers, tmp_path, SMALL_QUEUE) as port, ExitStack() as readers:

        def is_refused(client: str, path: str = EXPORT) -> bool:
            reader = readers.enter_context(slow_reader(port, client, path))
            return reader.recv(3) == b"503"

        assert [is_refused("198.51.100.1") for _ in range(5)] == [False] * 4 + [True]
        assert [is_refused("198.51.101.1") for _ in range(4)] == [False] * 4
        assert is_refused("198.51.102.1")
        assert not is_refused("198.51.100.1", "/api/v1/products")


@pytest.mark.parametrize("length", ["Content-Length: 100", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_incomplete_bodies_use_no_place_of_exports(
    long_answers: int, tmp_path: Path, method: str, length: str
) -> None:
    with nginx_before(long_answers, tmp_path, SMALL_QUEUE) as port, ExitStack() as clients:
        for n in range(12):
            client = clients.enter_context(socket.create_connection(("127.0.0.1", port)))
            head = f"{method} {EXPORT} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 198.51.{n}.1"
            client.sendall(f"{head}\r\n{length}\r\n\r\n1".encode())
            if method == "GET":
                assert client.recv(12) == b"HTTP/1.1 413"
        reader = clients.enter_context(slow_reader(port, "198.51.100.1", EXPORT))
        assert reader.recv(3) == b"200"
