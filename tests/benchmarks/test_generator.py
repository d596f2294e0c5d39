"""The load generator, against a small server of its own."""

import os
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from benchmarks import generator
from benchmarks.generator import BadReply, Load, Share, Tally, gathered, reply_length
from benchmarks.measurement import Meter, Usage
from benchmarks.traffic import Page

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello"
HALF = 20


class Handler(socketserver.BaseRequestHandler):
    """Answers each request with the server's reply, in two pieces."""

    def handle(self) -> None:
        reply = getattr(self.server, "reply", OK)
        while self.request.recv(65536):
            self.request.sendall(reply[:HALF])
            self.request.sendall(reply[HALF:])


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    reply = OK

    @property
    def port(self) -> int:
        return int(self.server_address[1])


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.05,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_a_reply_is_complete_with_its_last_byte() -> None:
    assert reply_length(OK) == len(OK)
    assert reply_length(OK.replace(b"Content-Length", b"content-length")) == len(OK)
    assert reply_length(OK[:HALF]) is None


@pytest.mark.parametrize("status", [b"304 Not Modified", b"204 No Content"])
def test_a_reply_without_a_body_ends_with_its_headers(status: bytes) -> None:
    reply = b"HTTP/1.1 " + status + b"\r\nETag: x\r\n\r\n"
    assert reply_length(reply) == len(reply)


def test_a_reply_in_chunks_is_refused() -> None:
    with pytest.raises(BadReply, match="chunked"):
        reply_length(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello")


def test_only_answers_of_the_counted_time_count_but_all_are_acknowledged(server: Server) -> None:
    load = Load(server.port, Page("/"), connections=3, warm_up=0.2, seconds=0.2)
    tally = Share(load, 0, 3).run(time.monotonic())
    assert tally.failure == ""
    assert tally.sent == tally.answers
    assert 0 < len(tally.latencies) < tally.sent


def test_a_wrong_status_is_kept_with_its_answer(server: Server) -> None:
    server.reply = OK.replace(b"200 OK", b"503 No")
    load = Load(server.port, Page("/"), connections=1, warm_up=0, seconds=0.1)
    tally = Share(load, 0, 1).run(time.monotonic())
    assert (tally.sent, tally.units) == (0, 0)
    assert tally.failure.endswith("hello")


def test_a_whole_measurement_adds_up_its_processes(server: Server) -> None:
    load = Load(server.port, Page("/"), connections=4, warm_up=0.1, seconds=0.3)
    found = generator.measure(load, Meter(postgresql=os.getpid(), application=os.getpid()))
    assert found.failure == ""
    assert found.sent >= len(found.latencies) > 0
    assert found.cpu.generator > 0


def test_a_server_that_is_not_there_is_a_failure_and_no_hang() -> None:
    load = Load(generator.PROCESSES, Page("/"), connections=2, warm_up=0, seconds=0.1)
    found = generator.measure(load, Meter(postgresql=os.getpid()))
    assert found.failure.startswith("ConnectionRefusedError")
    assert found.rate == 0


def test_the_generators_own_cost_is_scaled_to_the_counted_requests() -> None:
    tallies = [Tally([0.1] * 10, answers=20, sent=20, cpu=0.2), Tally([0.2] * 10, 20, 20, 0, 0.2)]
    found = gathered(tallies, 1.0, Usage(0, 0, 1))
    assert found.cpu.generator == pytest.approx(0.2)
    assert (len(found.latencies), found.sent) == (20, 40)
