"""What nginx lets one client have, and what it tells the server."""

import signal
import socket
import subprocess
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

import pytest

from tests.system.deploy.nginx import (
    NO_CONTENT,
    TAKEN_SECONDS,
    answer_to,
    head,
    needs_nginx,
    nginx_before,
    refused,
    server,
    unfinished,
    with_lua,
)
from tools.nginx import FOLDER, SITES, lay_out
from tools.processes import free_port, listens, wait_until

LIMITS = {"ipv6_64": 2, "ipv6_56": 3, "site": 4, "ipv4_24": 6, "provider": 8, "all": 10}
SMALL = {rf"limit_conn {zone} \d+": f"limit_conn {zone} {most}" for zone, most in LIMITS.items()}
TIMES = {"GRACE = 10": "GRACE = 1", "RATE = 16384": "RATE = 4096", "POLL = 1": "POLL = 0.1"}
PROXIED = [f"192.0.2.{n}, 198.51.100.1, 10.0.1.7" for n in range(4)]

pytestmark = needs_nginx


@pytest.mark.parametrize(
    ("clients", "one_more", "another"),
    [
        # An IPv4 address, its /24, its /16; and what a client writes before it counts for nothing.
        (["198.51.100.1"] * 4, "198.51.100.1", "198.51.100.2"),
        (["198.51.100.1"] * 4 + ["198.51.100.2"] * 2, "198.51.100.3", "198.51.99.1"),
        (["198.51.100.1"] * 4 + ["198.51.99.1"] * 4, "198.51.98.1", "198.52.0.1"),
        (PROXIED, "192.0.2.99, 198.51.100.1, 10.0.1.8", "192.0.2.99, 198.51.100.2, 10.0.1.8"),
        # An IPv6 /64, in every form that an address may have.
        (["2001:db8:1:2::1", "2001:db8:1:2:3::1"], "2001:db8:1:2:3:4:5:6", "2001:db8:1:3::1"),
        (["2001:db8::1", "2001:db8:0:0:1::"], "2001:db8::1:0:0:1", "2001:db8:0:1::1"),
        (["2001:0:0:4::1", "2001::4:0:0:0:9"], "2001::4:5:6:7:8", "2001::5:5:6:7:8"),
        # Its /56, its /48, its /32.
        ([f"2001:db8:1:12{n}0::" for n in range(3)], "2001:db8:1:12ff::", "2001:db8:1:1300::"),
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


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("name", ["X_Forwarded_For", "X-Forwarded_For", "x_forwarded-for"])
def test_an_ambiguous_header_name_does_not_reach_the_server(
    tmp_path: Path, site: str, name: str
) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        nginx_before(listener.getsockname()[1], tmp_path, site=site) as port,
        socket.create_connection(("127.0.0.1", port), timeout=20) as connection,
    ):
        connection.sendall(head("198.51.100.1", 2, headers={name: "192.0.2.7"}) + b"{}")
        listener.settimeout(20)
        behind, _ = listener.accept()
        with behind:
            reached = behind.recv(65_536)
    assert b"X-Forwarded-For: " in reached
    assert b"192.0.2.7" not in reached


def test_complete_requests_wait_up_to_a_limit_that_ignores_incomplete_ones_and_probes(
    silent: int, tmp_path: Path
) -> None:
    few = {r"max_conns=\d+": "max_conns=2"}
    with (
        nginx_before(silent, tmp_path, few) as port,
        unfinished(port, *(f"198.51.{n}.1" for n in range(6))),
        ExitStack() as waiting,
    ):
        for n in range(2):
            connection = waiting.enter_context(socket.create_connection(("127.0.0.1", port)))
            connection.sendall(head(f"203.0.{n}.1", 2) + b"{}")
        sleep(TAKEN_SECONDS)
        assert answer_to(port, head("203.0.113.9", 2) + b"{}").startswith(b"HTTP/1.1 503 ")
        for path in ("/livez", "/readyz"):
            probe = waiting.enter_context(socket.create_connection(("127.0.0.1", port), timeout=1))
            probe.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            # The server behind is silent: a request that it gets has no answer.
            with pytest.raises(TimeoutError):
                probe.recv(65_536)


def test_streams_take_no_place_and_are_passed_on_at_once(tmp_path: Path) -> None:
    few = {r"max_conns=\d+": "max_conns=1"}
    part = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n:\n\n\r\n"
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        nginx_before(listener.getsockname()[1], tmp_path, few) as port,
        ExitStack() as streams,
    ):
        listener.settimeout(20)
        for _ in range(3):
            client = streams.enter_context(socket.create_connection(("127.0.0.1", port), 20))
            client.sendall(b"GET /api/v1/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            behind = streams.enter_context(listener.accept()[0])
            behind.sendall(part)
            received = b""
            while b":\n\n" not in received:
                received += client.recv(65_536)
            assert received.startswith(b"HTTP/1.1 200 ")
        client.close()
        behind.settimeout(20)
        while left := behind.recv(65_536):
            continue
    assert left == b"", "the server is told that a client has gone"


@with_lua
@pytest.mark.parametrize("site", SITES)
def test_an_upload_below_the_minimum_rate_is_ended(silent: int, tmp_path: Path, site: str) -> None:
    with nginx_before(silent, tmp_path, TIMES, site=site) as port:
        ended = dropped_after(port, size=1000, piece=1, pause=0.05)
        assert ended is not None
        assert 0.9 < ended < 4
        # 20,000 bytes a second are enough.
        assert dropped_after(port, size=40_000, piece=1000, pause=0.05) is None


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


def test_the_sidecar_answers_running_requests_before_it_ends(tmp_path: Path) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        behind = {"127.0.0.1:8001": f"127.0.0.1:{listener.getsockname()[1]}"}
        main = lay_out("behind", tmp_path, port, behind)
        script = (FOLDER / "sidecar.sh").read_text().replace("/etc/nginx/nginx.conf", str(main))

        def answer_later() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                sleep(1)
                connection.sendall(NO_CONTENT)

        answering = Thread(target=answer_later)
        answering.start()
        with (
            subprocess.Popen(["sh", "-c", script]) as sidecar,
            suppress(ProcessLookupError),
        ):
            assert wait_until(lambda: listens(port)), "nginx does not listen"
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(head("198.51.100.1", 2) + b"{}")
                sleep(TAKEN_SECONDS)
                sidecar.send_signal(signal.SIGTERM)
                assert connection.recv(64).startswith(b"HTTP/1.1 204 ")
            assert sidecar.wait(10) is not None
        answering.join()
        assert not listens(port)


def test_while_nginx_drains_each_connection_ends_with_an_answer(tmp_path: Path) -> None:
    path = "/api/v1/products/by-sku/a%3Fb%20c%C3%A9?x=%20&y=1"
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    from_outside = request.replace(b"/api", b"/nginx-draining/api")
    seen: list[str] = []
    with (
        server(NO_CONTENT, seen) as behind,
        nginx_before(behind, tmp_path, site="public") as port,
    ):
        assert b"Connection: keep-alive" in answer_to(port, request)
        assert answer_to(port, from_outside).startswith(b"HTTP/1.1 404 ")
        (tmp_path / "nginx-draining").touch()
        assert b"Connection: close" in answer_to(port, request)
    assert seen == [f"GET {path}"] * 2
