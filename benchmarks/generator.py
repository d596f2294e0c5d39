"""A load generator: keep-alive connections, each with one request at a time.

Closed-loop, a connection sends its next request as soon as it has its answer. With a `rate` the
requests are sent when they are due, however long the answers before them take, and are timed from
then on: a server that falls behind is not spared (Gil Tene calls the opposite "coordinated
omission").

It shares the cores with the server it measures, so it does as little as possible for a request:
bytes made beforehand, one epoll, one read. Its own CPU time is part of the result.
"""

from __future__ import annotations

import math
import multiprocessing
import select
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from multiprocessing.process import BaseProcess

from benchmarks.measurement import Measurement, Meter, Usage, watch
from benchmarks.traffic import HOST, Sent, Traffic

PROCESSES = 2
IMPORTED = "benchmarks.traffic"
"""Multiprocessing imports the command's module in each process: this is most of what that needs."""
READ_BYTES = 1 << 18
TIMEOUT = 30.0
"""Seconds an answer may take before the run counts as failed."""


class BadReply(Exception):
    """An answer that is not what the generator can read, or none."""


@dataclass(frozen=True, slots=True)
class Load:
    """How much of which traffic: seconds of warm-up, then seconds that count.

    `rate`: requests a second, at most as fast as the connections get their answers; None for as
    many as that. `refusal`: a status that is counted by itself and is no failure.
    """

    port: int
    traffic: Traffic
    connections: int
    warm_up: float
    seconds: float
    rate: float | None = None
    refusal: int | None = None


@dataclass(slots=True)
class Tally:
    """What came back to one process. `latencies` and `refusals` (seconds) only of the counted
    time; `sent`, `orders` and `units` of every right answer; `cpu` in seconds, of all `answers`."""

    latencies: list[float] = field(default_factory=list)
    refusals: list[float] = field(default_factory=list)
    answers: int = 0
    sent: int = 0
    orders: int = 0
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
        self._begin(begin)
        while self._clients:
            self._turn()
        return self._tally

    def _begin(self, _begin: float) -> None:
        for client in self._clients.values():
            self._send(client)

    def _open(self) -> None:
        connection = socket.create_connection((HOST, self._load.port), TIMEOUT)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(0)
        self._poll.register(connection.fileno(), select.EPOLLIN)
        self._clients[connection.fileno()] = _Client(connection)

    def _send(self, client: _Client, due: float | None = None) -> None:
        client.request = next(self._requests)
        client.sent_at = due or time.monotonic()
        # A request is a few hundred bytes and the connection's buffer is empty: it is never cut.
        client.socket.send(client.request.raw)

    def _turn(self) -> None:
        events = self._poll.poll(TIMEOUT)
        if not events:
            raise BadReply(f"no answer within {TIMEOUT:.0f} s")
        self._take(events)

    def _take(self, events: Sequence[tuple[int, int]]) -> None:
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
        status, kept = int(client.received[9:12]), tally.latencies
        if status == self._load.refusal:
            kept = tally.refusals
        elif status == client.request.status:
            tally.sent += 1
            tally.orders += client.request.units > 0
            tally.units += client.request.units
            client.request.answered(client.received)
        elif not tally.failure:
            tally.failure = client.received.decode(errors="replace")
        client.received = b""
        if self._counted_from <= now <= self._until:
            kept.append(now - client.sent_at)
        self._next(client, now)

    def _next(self, client: _Client, now: float) -> None:
        if now < self._until:
            self._send(client)
        else:
            self._close(client)

    def _close(self, client: _Client) -> None:
        self._poll.unregister(client.socket.fileno())
        del self._clients[client.socket.fileno()]
        client.socket.close()


class PacedShare(Share):
    """One process's part of a load with a rate: connections wait until a request is due."""

    def __init__(self, load: Load, part: int, connections: int) -> None:
        super().__init__(load, part, connections)
        self._idle = list(self._clients.values())
        self._each = PROCESSES / (load.rate or math.inf)
        self._due = part * self._each / PROCESSES

    def _begin(self, begin: float) -> None:
        self._due += begin

    def _turn(self) -> None:
        now = time.monotonic()
        if now >= self._until:
            while self._idle:
                self._close(self._idle.pop())
        while self._idle and self._due <= now:
            self._send(self._idle.pop(), self._due)
            self._due += self._each
        if self._idle:
            self._take(self._poll.poll(min(self._due, self._until) - now))
        elif self._clients:
            super()._turn()

    def _next(self, client: _Client, now: float) -> None:
        self._idle.append(client)


def _work(load: Load, part: int, connections: int, pipe: Pipe) -> None:
    """Runs a generator process: reports that it is connected, and waits for the time to begin."""
    # A Ctrl-C at the terminal comes to all; the process that measures ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        share = (PacedShare if load.rate else Share)(load, part, connections)
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
        pipe.poll(TIMEOUT)
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
    # Forked from a process that has imported and done nothing else: interpreters that start anew
    # each time take half a second, and seconds on a busy machine.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([IMPORTED])
    ours, theirs = context.Pipe()
    connections = (load.connections + part) // PROCESSES
    process = context.Process(target=_work, args=(load, part, connections, theirs), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def gathered(tallies: list[Tally], seconds: float, usage: Usage) -> Measurement:
    """The parts as one measurement."""
    latencies = sorted(latency for tally in tallies for latency in tally.latencies)
    refusals = sorted(latency for tally in tallies for latency in tally.refusals)
    answers = sum(tally.answers for tally in tallies)
    each = sum(tally.cpu for tally in tallies) / max(answers, 1)
    return Measurement(
        seconds=seconds,
        latencies=latencies,
        refusals=refusals,
        cpu=usage.with_generator(each * (len(latencies) + len(refusals))),
        sent=sum(tally.sent for tally in tallies),
        orders=sum(tally.orders for tally in tallies),
        units=sum(tally.units for tally in tallies),
        failure=next((tally.failure for tally in tallies if tally.failure), ""),
    )
