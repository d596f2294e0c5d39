"""The limits of nginx before a server, with the files that every installation uses."""

import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

import pytest

from tests.system.deploy.nginx import (
    TAKEN_SECONDS,
    head,
    nginx_before,
    refused,
    unfinished,
)
from tools.nginx import FOLDER, LUA, SITES, lay_out
from tools.ports import free_port, listens
from tools.processes import wait_until

SMALL = {
    rf"limit_conn {zone} \d+": f"limit_conn {zone} {number}"
    for zone, number in {
        "ipv6_64": 2,
        "ipv6_56": 3,
        "site": 4,
        "ipv4_24": 6,
        "provider": 8,
        "all": 10,
    }.items()
}
"""Smaller numbers for the limits of nginx, in the same order."""
TIMES = {"GRACE = 10": "GRACE = 1", "RATE = 16384": "RATE = 4096", "POLL = 1": "POLL = 0.1"}

pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
with_lua = pytest.mark.skipif(not LUA.exists(), reason="libnginx-mod-http-lua is not installed")


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that accepts connections and answers nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize(
    ("clients", "one_more", "another"),
    [
        # An IPv4 address, its /24, its /16.
        (["198.51.100.1"] * 4, "198.51.100.1", "198.51.100.2"),
        (["198.51.100.1"] * 4 + ["198.51.100.2"] * 2, "198.51.100.3", "198.51.99.1"),
        (["198.51.100.1"] * 4 + ["198.51.99.1"] * 4, "198.51.98.1", "198.52.0.1"),
        # An IPv6 /64, in every form that an address may have.
        (["2001:db8:1:2::1", "2001:db8:1:2:3::1"], "2001:db8:1:2:3:4:5:6", "2001:db8:1:3::1"),
        (["2001:db8::1", "2001:db8:0:0:1::"], "2001:db8::1:0:0:1", "2001:db8:0:1::1"),
        (["2001:0:0:4::1", "2001::4:0:0:0:9"], "2001::4:5:6:7:8", "2001::5:5:6:7:8"),
        # Its /56, its /48, its /32.
        ([f"2001:db8:1:12{n}0::" for n in range(3)], "2001:db8:1:12ff::", "2001:db8:1:1300::"),
        ([f"2001:db8:1:{n}::" for n in range(3)], "2001:db8:1:ff::", "2001:db8:1:100::"),
        ([f"2001:db8:1:{n}00::" for n in range(4)], "2001:db8:1:abcd::", "2001:db8:2::"),
        ([f"2001:db8:{n % 2}:{n}00::" for n in range(8)], "2001:db8:2::", "2001:db9::"),
    ],
)  # fmt: skip
def test_incomplete_bodies_are_limited_for_each_site_and_wider_block(
    silent: int, tmp_path: Path, clients: list[str], one_more: str, another: str
) -> None:
    with nginx_before(silent, tmp_path, SMALL) as port, unfinished(port, *clients):
        assert refused(port, one_more)
        assert not refused(port, another)


def test_addresses_in_headers_of_a_client_are_ignored(silent: int, tmp_path: Path) -> None:
    clients = [f"192.0.2.{n}, 198.51.100.1, 10.0.1.7" for n in range(4)]
    with nginx_before(silent, tmp_path, SMALL) as port, unfinished(port, *clients):
        assert refused(port, "192.0.2.99, 198.51.100.1, 10.0.1.8")
        assert not refused(port, "192.0.2.99, 198.51.100.2, 10.0.1.8")


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("name", ["X_Forwarded_For", "X-Forwarded_For", "x_forwarded-for"])
def test_an_ambiguous_header_name_does_not_reach_the_server(
    tmp_path: Path, site: str, name: str
) -> None:
    sent = head("198.51.100.1", 2).replace(b"\r\n\r\n", f"\r\n{name}: 192.0.2.7\r\n\r\n".encode())
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        nginx_before(listener.getsockname()[1], tmp_path, site=site) as port,
        socket.create_connection(("127.0.0.1", port), timeout=20) as connection,
    ):
        connection.sendall(sent + b"{}")
        listener.settimeout(20)
        server, _ = listener.accept()
        with server:
            reached = server.recv(65_536)
    assert b"X-Forwarded-For: " in reached
    assert b"192.0.2.7" not in reached


def test_complete_requests_wait_up_to_a_limit_that_ignores_incomplete_ones(
    silent: int, tmp_path: Path
) -> None:
    few = {r"max_conns=\d+": "max_conns=2"}
    clients = [f"198.51.{n}.1" for n in range(6)]
    with (
        nginx_before(silent, tmp_path, few) as port,
        unfinished(port, *clients),
        ExitStack() as waiting,
    ):
        for n in range(2):
            connection = waiting.enter_context(socket.create_connection(("127.0.0.1", port)))
            connection.sendall(head(f"203.0.{n}.1", 2) + b"{}")
        sleep(TAKEN_SECONDS)
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(head("203.0.113.9", 2) + b"{}")
            assert connection.recv(65_536).startswith(b"HTTP/1.1 503 ")


def dropped_after(port: int, *, size: int, piece: int, pause: float) -> float | None:
    """The seconds after which an upload in pieces is ended; None where all of it is taken."""
    began = monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head("198.51.100.1", size))
        connection.setblocking(False)
        for _ in range(size // piece):
            try:
                connection.sendall(b" " * piece)
                if connection.recv(1) == b"":
                    return monotonic() - began
            except BlockingIOError:
                sleep(pause)
            except OSError:
                return monotonic() - began
    return None


@with_lua
@pytest.mark.parametrize("site", SITES)
def test_an_upload_below_the_minimum_rate_is_ended(silent: int, tmp_path: Path, site: str) -> None:
    with nginx_before(silent, tmp_path, TIMES, site=site) as port:
        ended = dropped_after(port, size=1000, piece=1, pause=0.05)
        assert ended is not None
        assert 0.9 < ended < 4
        # 2,000 bytes a second give it half a second more for each second.
        ended = dropped_after(port, size=100_000, piece=200, pause=0.1)
        assert ended is not None
        assert 1.2 < ended < 8
        # 20,000 bytes a second are enough.
        assert dropped_after(port, size=40_000, piece=1000, pause=0.05) is None


@contextmanager
def sidecar(server: int, folder: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Run sidecar.sh as a container does, but for ports and paths."""
    port = free_port()
    main = lay_out("behind", folder, port, {"127.0.0.1:8001": f"127.0.0.1:{server}"})
    script = (FOLDER / "sidecar.sh").read_text().replace("/etc/nginx/nginx.conf", str(main))
    with subprocess.Popen(["sh", "-c", script]) as process:
        try:
            assert wait_until(lambda: listens(port)), "nginx does not listen"
            yield port, process
        finally:
            process.terminate()


def answering_later(listener: socket.socket, seconds: float) -> Callable[[], None]:
    """Accept one connection and answer its request after some seconds."""

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            sleep(seconds)
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    return answer


def test_the_sidecar_answers_running_requests_before_it_ends(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        sidecar(listener.getsockname()[1], tmp_path) as (port, process),
    ):
        server = Thread(target=answering_later(listener, 1.0))
        server.start()
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(head("198.51.100.1", 2) + b"{}")
            sleep(TAKEN_SECONDS)
            process.send_signal(signal.SIGTERM)
            assert connection.recv(64).startswith(b"HTTP/1.1 204 ")
        server.join()
        assert process.wait(10) is not None
        assert not listens(port)


@pytest.mark.parametrize(
    ("method", "path", "header", "is_repeatable"),
    [
        ("POST", "/api/v1/orders", "", False),
        ("POST", "/api/v1/orders", "Idempotency-Key: a\r\n", True),
        ("PATCH", "/api/v1/products/1", "", False),
        ("PATCH", "/api/v1/products/1", "Idempotency-Key: a\r\n", False),
        ("PATCH", "/api/v1/products/1", "If-Match: *\r\n", False),
        ("PATCH", "/api/v1/products/1", 'If-Match: "3-5ddf"\r\n', True),
        ("PUT", "/products/1/", 'If-Match: "3-5ddf"\r\n', False),
        ("GET", "/products/1/", "", True),
    ],
)
def test_a_write_whose_outcome_is_unknown_gets_retry_after_only_if_it_is_repeatable(
    tmp_path: Path, method: str, path: str, header: str, *, is_repeatable: bool
) -> None:
    sent = head("198.51.100.1", 2, path).replace(b"\r\n\r\n", f"\r\n{header}\r\n".encode())
    sent = sent.replace(b"POST", method.encode())
    with (
        lost_connections() as server,
        nginx_before(server, tmp_path) as port,
        socket.create_connection(("127.0.0.1", port), timeout=20) as connection,
    ):
        connection.sendall(sent + b"{}")
        answer = connection.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 502 "), answer
    assert (b"\r\nRetry-After: 1\r\n" in answer) == is_repeatable


@contextmanager
def lost_connections() -> Iterator[int]:
    """A server that reads a request and closes the connection without an answer; gives its port."""

    def serve(listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with connection:
                    connection.recv(65_536)

    with socket.create_server(("127.0.0.1", 0), backlog=8) as listening:
        serving = Thread(target=serve, args=[listening])
        serving.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            serving.join()


def test_a_probe_is_answered_when_the_servers_are_busy(silent: int, tmp_path: Path) -> None:
    changes = {r"max_conns=\d+": "max_conns=2", **SMALL}
    with nginx_before(silent, tmp_path, changes) as port, ExitStack() as connections:
        for client in range(8):
            busy = connections.enter_context(socket.create_connection(("127.0.0.1", port)))
            busy.sendall(head(f"198.51.{client}.1", 2) + b"{}")
        sleep(TAKEN_SECONDS)
        for path, is_taken in (("/livez", True), ("/readyz", True), ("/api/v1/products", False)):
            probe = connections.enter_context(socket.create_connection(("127.0.0.1", port)))
            probe.settimeout(1)
            probe.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            answer = b""
            with suppress(TimeoutError):
                answer = probe.recv(65_536)
            # The server behind is silent: a request that it gets has no answer.
            assert (answer == b"") == is_taken, (path, answer)
