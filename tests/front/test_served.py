"""What the event loop does with slow clients, in a served application with two threads."""

import http.client
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.front.toy import PARTS
from tests.server import Server
from tests.tiers import LONGEST
from tools.processes import wait_until

pytestmark = pytest.mark.system

TOY = "tests.front.toy:application"
SLOW = 50
"""Clients, many more than threads."""


@pytest.fixture(scope="module")
def served() -> Iterator[Server]:
    with Server(
        workers=1,
        application=TOY,
        environment={"BODY_SECONDS": "3", "LOG_LEVEL": "WARNING"},
    ) as server:
        yield server


def opened(server: Server, stack: ExitStack, text: str) -> socket.socket:
    """A connection on which the text was sent."""
    wire = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), LONGEST))
    wire.sendall(text.encode())
    return wire


def asked(server: Server, method: str, path: str, body: bytes = b"") -> bytes:
    """The body of the answer."""
    connection = server.connect(LONGEST)
    connection.request(method, path, body)
    content = connection.getresponse().read()
    connection.close()
    return content


def test_clients_that_send_slowly_take_no_thread_and_are_refused_in_time(served: Server) -> None:
    with ExitStack() as stack:
        head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nbegin"
        wires = [opened(served, stack, head) for _ in range(SLOW)]
        assert asked(served, "POST", "/", b"12345") == b"5"
        refused = http.client.HTTPResponse(wires[0])
        refused.begin()
        assert (refused.status, b"body_timeout" in refused.read()) == (408, True)


def is_written(file: Path) -> bool:
    return file.exists() and bool(file.read_text())


def test_long_answers_wait_for_their_readers_without_a_thread_and_end_with_them(
    served: Server, tmp_path: Path
) -> None:
    sent = [tmp_path / str(number) for number in range(SLOW)]
    with ExitStack() as stack:
        for file in sent:
            wire = opened(served, stack, f"GET /parts?{file} HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert wire.recv(15) == b"HTTP/1.1 200 OK"
        assert asked(served, "POST", "/", b"1") == b"1"
        assert not any(file.exists() for file in sent)
    for file in sent:
        assert wait_until(partial(is_written, file), LONGEST)
        assert int(file.read_text()) < PARTS - 1


def test_a_long_answer_is_complete(served: Server, tmp_path: Path) -> None:
    assert len(asked(served, "GET", f"/parts?{tmp_path / 'sent'}")) == PARTS * 65_536


def endless(server: Server, stack: ExitStack, ended: Path) -> socket.socket:
    """A connection on which an answer without an end has begun."""
    wire = opened(server, stack, f"GET /endless?{ended} HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert wire.recv(15) == b"HTTP/1.1 200 OK"
    return wire


def test_answers_without_an_end_take_no_thread_and_end_with_their_clients(
    served: Server, tmp_path: Path
) -> None:
    ended = [tmp_path / str(number) for number in range(SLOW)]
    with ExitStack() as stack:
        for file in ended:
            endless(served, stack, file)
        assert asked(served, "POST", "/", b"1") == b"1"
        assert not any(file.exists() for file in ended)
    assert wait_until(lambda: all(file.exists() for file in ended), LONGEST)


def test_answers_without_an_end_do_not_keep_the_server_from_stopping(tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    options = ("--workers-kill-timeout", str(LONGEST))
    with ExitStack() as stack:
        with Server(workers=1, application=TOY, options=options) as server:
            wire = endless(server, stack, ended)
        assert ended.exists()
        while part := wire.recv(65_536):
            last = part
        assert last.endswith(b"0\r\n\r\n")


def test_a_client_that_expects_a_go_ahead_gets_it(served: Server) -> None:
    with ExitStack() as stack:
        head = "POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
        wire = opened(served, stack, f"{head}Content-Length: 3\r\n\r\n")
        assert wire.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        wire.sendall(b"abc")
        assert wire.recv(1000).endswith(b"3")
