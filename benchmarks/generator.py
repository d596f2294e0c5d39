"""A closed-loop load generator: keep-alive connections, each with one request at a time.

It shares the cores with the server it measures, so it does as little as possible for a request:
bytes made beforehand, one epoll, one read. Its own CPU time is part of the result.
"""

from __future__ import annotations

import multiprocessing
import select
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from multiprocessing.process import BaseProcess

from benchmarks.measurement import Measurement, Meter, Usage, watch
from benchmarks.traffic import HOST, Sent, Traffic

PROCESSES = 2
READ_BYTES = 1 << 18
PATIENCE = 30.0
"""Seconds an answer may take before the run counts as failed."""


class BadReply(Exception):
    """An answer that is not what the generator can read, or none."""


@dataclass(frozen=True, slots=True)
class Load:
    """How much of which traffic: seconds of warm-up, then seconds that count."""

    port: int
    traffic: Traffic
    connections: int
    warm_up: float
    seconds: float


@dataclass(slots=True)
class Tally:
    """What came back to one process. `latencies` (seconds) only of the counted time; `sent` and
    `units` of every right answer; `cpu` in seconds, of all `answers`."""

    latencies: list[float] = field(default_factory=list)
    answers: int = 0
    sent: int = 0
    units: int = 0
    cpu: float = 0.0
    failure: str = ""


@dataclass(slots=True)
class _Client:
    socket: socket.socket
    request: Sent = field(default_factory=lambda: Sent(b""))
    sent_at: float = 0.0
    received: bytes = b""


def reply_length(received: bytes) -> int | None:
    """Bytes of the whole reply, headers and body; None while the headers are incomplete.

    Raises BadReply for an answer without a Content-Length that should have one.
    """
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    if received[9:12] in {b"304", b"204"}:
        return end + 4
    head = received[:end].lower()
    start = head.find(b"\r\ncontent-length:")
    if start < 0:
        raise BadReply(received[:end].decode(errors="replace"))
    return end + 4 + int(head[start + 17 :].split(b"\r", 1)[0])


class Share:
    """One process's part of a load."""

    def __init__(self, load: Load, part: int, connections: int) -> None:
        self._load = load
        self._requests: Iterator[Sent] = load.traffic.requests(part)
        self._poll = select.epoll()
        self._clients: dict[int, _Client] = {}
        self._tally = Tally()
        self._counted_from = self._until = 0.0
        for _ in range(connections):
            self._open()

    def run(self, begin: float) -> Tally:
        """Keeps all connections busy from the moment `begin` (time.monotonic) to the end of the
        counted time, and waits for the answers that are still out."""
        self._counted_from = begin + self._load.warm_up
        self._until = self._counted_from + self._load.seconds
        time.sleep(max(0.0, begin - time.monotonic()))
        for client in self._clients.values():
            self._send(client)
        while self._clients:
            self._turn()
        return self._tally

    def _open(self) -> None:
        connection = socket.create_connection((HOST, self._load.port), PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(0)
        self._poll.register(connection.fileno(), select.EPOLLIN)
        self._clients[connection.fileno()] = _Client(connection)

    def _send(self, client: _Client) -> None:
        client.request = next(self._requests)
        client.sent_at = time.monotonic()
        # A request is a few hundred bytes and the connection's buffer is empty: it is never cut.
        client.socket.send(client.request.raw)

    def _turn(self) -> None:
        events = self._poll.poll(PATIENCE)
        if not events:
            raise BadReply(f"no answer within {PATIENCE:.0f} s")
        for number, _ in events:
            self._receive(self._clients[number])

    def _receive(self, client: _Client) -> None:
        data = client.socket.recv(READ_BYTES)
        if not data:
            raise BadReply("the server closed a connection")
        client.received = client.received + data if client.received else data
        length = reply_length(client.received)
        if length is not None and len(client.received) >= length:
            self._complete(client)

    def _complete(self, client: _Client) -> None:
        now, tally = time.monotonic(), self._tally
        tally.answers += 1
        if int(client.received[9:12]) == self._load.traffic.status:
            tally.sent += 1
            tally.units += client.request.units
        elif not tally.failure:
            tally.failure = client.received.decode(errors="replace")
        client.received = b""
        if self._counted_from <= now <= self._until:
            tally.latencies.append(now - client.sent_at)
        if now < self._until:
            self._send(client)
        else:
            self._close(client)

    def _close(self, client: _Client) -> None:
        self._poll.unregister(client.socket.fileno())
        del self._clients[client.socket.fileno()]
        client.socket.close()


def _work(load: Load, part: int, connections: int, pipe: Pipe) -> None:
    """A generator process: says when its connections stand, is told when to begin."""
    try:
        share = Share(load, part, connections)
        pipe.send(None)
        begin = pipe.recv()
        before = time.process_time()
        tally = share.run(begin)
        tally.cpu = time.process_time() - before
    except (BadReply, OSError) as error:
        tally = Tally(failure=f"{type(error).__name__}: {error}")
    pipe.send(tally)


def measure(load: Load, meter: Meter) -> Measurement:
    """Runs a load from PROCESSES processes and watches what it costs."""
    started = [_start(load, part) for part in range(PROCESSES)]
    for _, pipe in started:
        pipe.poll(PATIENCE)
    begin = time.monotonic() + 0.05
    early = [pipe.recv() for _, pipe in started]
    for (_, pipe), failed in zip(started, early, strict=True):
        if failed is None:
            pipe.send(begin)
    usage = watch(meter, begin + load.warm_up, load.seconds)
    tallies = [failed or pipe.recv() for (_, pipe), failed in zip(started, early, strict=True)]
    for process, _ in started:
        process.join()
    return gathered(tallies, load.seconds, usage)


def _start(load: Load, part: int) -> tuple[BaseProcess, Pipe]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    connections = (load.connections + part) // PROCESSES
    process = context.Process(target=_work, args=(load, part, connections, theirs), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def gathered(tallies: list[Tally], seconds: float, usage: Usage) -> Measurement:
    """The parts as one measurement."""
    latencies = sorted(latency for tally in tallies for latency in tally.latencies)
    answers = sum(tally.answers for tally in tallies)
    each = sum(tally.cpu for tally in tallies) / max(answers, 1)
    return Measurement(
        seconds=seconds,
        latencies=latencies,
        cpu=usage.with_generator(each * len(latencies)),
        sent=sum(tally.sent for tally in tallies),
        units=sum(tally.units for tally in tallies),
        failure=next((tally.failure for tally in tallies if tally.failure), ""),
    )
