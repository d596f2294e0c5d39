"""The load generator, against a separate small server."""

import math
import os
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from itertools import pairwise, repeat

import pytest

from benchmarks import generator
from benchmarks.generator import (
    PROCESSES,
    BadReply,
    Load,
    PacedShare,
    Share,
    Tally,
    gathered,
    reply_length,
)
from benchmarks.measurement import Meter, Usage
from benchmarks.traffic import Page, Sent, request

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello"
HALF = 20


class Handler(socketserver.BaseRequestHandler):
    """Answers each request with the server's reply, in two pieces, after its `takes` seconds."""

    server: "Server"

    def handle(self) -> None:
        reply = self.server.reply
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while self.request.recv(65536):
            self.server.asked.append(time.monotonic())
            time.sleep(self.server.takes)
            self.request.sendall(reply[:HALF])
            self.request.sendall(reply[HALF:])


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 300
    reply = OK
    takes = 0.0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[float] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
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


def test_only_answers_in_the_measured_time_count_and_all_are_recorded(server: Server) -> None:
    load = Load(server.port, Page("/"), connections=3, warm_up=0.2, seconds=0.2)
    tally = Share(load, 0, 3).run(time.monotonic())
    assert tally.failure == ""
    assert tally.sent == tally.answers
    assert 0 < len(tally.latencies) < tally.sent


@pytest.mark.parametrize("status", [b"503 No", b"201 Created"])
def test_a_wrong_status_is_recorded_with_its_answer(server: Server, status: bytes) -> None:
    server.reply = OK.replace(b"200 OK", status)
    load = Load(server.port, Page("/"), connections=1, warm_up=0, seconds=0.1)
    tally = Share(load, 0, 1).run(time.monotonic())
    assert (tally.sent, tally.units) == (0, 0)
    assert tally.failure.endswith("hello")


class Ordering:
    """Orders of two units each, in turn with pages."""

    def requests(self, part: int) -> Iterator[Sent]:
        for _ in repeat(None):
            yield Sent(request("POST", "/", body=b"{}"), units=2, status=200)
            yield Sent(request("GET", "/"))


def test_only_answers_with_status_201_count_as_orders(server: Server) -> None:
    load = Load(server.port, Ordering(), connections=1, warm_up=0, seconds=0.1)
    tally = Share(load, 0, 1).run(time.monotonic())
    assert tally.sent > 1
    assert tally.orders == -(-tally.sent // 2)
    assert tally.units == 2 * tally.orders


FEWEST = 50
"""Of the 60 that are due: what is late at the very end, on a busy machine, is not sent any more."""


def paced(server: Server, rate: float, connections: int) -> Tally:
    """One process of PROCESSES, for half a second after 0.1 of warm-up."""
    load = Load(server.port, Page("/"), connections, 0.1, 0.5, rate)
    return PacedShare(load, 0, connections).run(time.monotonic())


def test_requests_with_a_rate_are_sent_on_schedule(server: Server) -> None:
    tally = paced(server, rate=100 * PROCESSES, connections=4)
    assert FEWEST <= tally.sent <= 61
    gaps = [later - earlier for earlier, later in pairwise(sorted(server.asked))]
    assert sorted(gaps)[len(gaps) // 2] == pytest.approx(0.01, abs=0.004)


def test_a_slow_server_does_not_delay_scheduled_requests(server: Server) -> None:
    server.takes = 0.1
    assert FEWEST <= paced(server, rate=100 * PROCESSES, connections=30).sent <= 61


def test_the_duration_of_a_delayed_request_starts_at_its_schedule(
    server: Server,
) -> None:
    server.takes = 0.05
    tally = paced(server, rate=100 * PROCESSES, connections=1)
    # One connection answers 20 a second of the 100 that are due: the last waits for most of it.
    assert tally.sent <= 14
    assert max(tally.latencies) > 0.3


def test_256_connections_are_all_served(server: Server) -> None:
    load = Load(server.port, Page("/"), connections=256, warm_up=0.1, seconds=0.3)
    found = generator.measure(load, Meter(postgresql=os.getpid()))
    assert found.failure == ""
    assert found.sent >= 256


def test_two_concurrent_loads_have_separate_rates_and_no_cpu_time(
    server: Server,
) -> None:
    fast = Load(server.port, Page("/"), 2, 0.1, 1.5)
    slow = Load(server.port, Page("/"), 4, 0.1, 1.5, rate=50)
    found, paced = generator.measure_together([fast, slow], Meter(postgresql=os.getpid()))
    assert (found.failure, paced.failure) == ("", "")
    assert found.rate > paced.rate
    assert paced.rate == pytest.approx(50, abs=10)
    assert math.isnan(found.cpu.application)
    assert math.isnan(paced.cpu.postgresql)
    assert found.cpu.others >= 0


def test_a_measurement_sums_its_processes(server: Server) -> None:
    load = Load(server.port, Page("/"), connections=4, warm_up=0.1, seconds=0.3)
    found = generator.measure(load, Meter(postgresql=os.getpid(), application=os.getpid()))
    assert found.failure == ""
    assert found.sent >= len(found.latencies) > 0
    assert found.cpu.generator > 0


def test_an_unreachable_server_is_a_failure_and_does_not_hang() -> None:
    load = Load(generator.PROCESSES, Page("/"), connections=2, warm_up=0, seconds=0.1)
    found = generator.measure(load, Meter(postgresql=os.getpid()))
    assert found.failure.startswith("ConnectionRefusedError")
    assert found.rate == 0


def test_the_cost_of_the_generator_is_scaled_to_the_counted_requests() -> None:
    tallies = [Tally([each] * 10, answers=20, sent=20, cpu=0.2) for each in (0.1, 0.2)]
    found = gathered(tallies, 1.0, Usage(0, 0, 1))
    assert found.cpu.generator == pytest.approx(0.2)
    assert (len(found.latencies), found.sent) == (20, 40)
