"""Clients that hold connections by slow uploads or slow heads, and clients that do not."""

from __future__ import annotations

import random
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self, cast

SEND_SECONDS = 4.0
"""Between two bytes of a slow upload."""
POLL_SECONDS = 0.1
OPENED_AT_ONCE = 25
"""Connections that are opened between two looks at the others."""
HEAD = (
    b"POST /api/v1/auth/token HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
)


@dataclass(frozen=True)
class Front:
    """Where the proxy listens. `tls` is the clients' context; None means plain HTTP."""

    address: str
    port: int
    tls: ssl.SSLContext | None

    def connect(self, source: str = "", timeout: float = 10.0) -> socket.socket:
        """Open a connection from the source address. Raises OSError."""
        plain = socket.create_connection((self.address, self.port), timeout, (source, 0))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.tls is None:
            return plain
        try:
            return self.tls.wrap_socket(plain, server_hostname="localhost")
        except OSError:
            plain.close()
            raise


def sources(count: int) -> list[str]:
    """Return that many loopback addresses, ten in each /24."""
    return [f"127.200.{n // 10 + 1}.{n % 10 + 1}" for n in range(count)]


@dataclass
class SlowClients:
    """Keeps `count` connections open from the addresses, each of which sends a byte now and then.

    A connection that the server ends is opened anew, as an attacker does. `with` starts and ends
    the thread that does it.
    """

    front: Front
    addresses: Sequence[str]
    count: int
    head: bytes = HEAD
    drip: bytes = b" "
    opened: int = 0
    refused: int = 0
    answered: int = 0
    _open: dict[socket.socket, float] = field(default_factory=dict)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    @property
    def held(self) -> int:
        """Return how many connections are open now."""
        return len(self._open)

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            while not self._ended.is_set():
                self._open_missing(selector)
                self._close_ended(selector)
                self._send_due(selector)
            for connection in self._open:
                connection.close()

    def _open_missing(self, selector: selectors.BaseSelector) -> None:
        for _ in range(min(OPENED_AT_ONCE, self.count - len(self._open))):
            try:
                connection = self.front.connect(random.choice(self.addresses))  # noqa: S311
                connection.sendall(self.head)
            except OSError:
                self.refused += 1
                return
            connection.settimeout(0)
            selector.register(connection, selectors.EVENT_READ)
            first = random.uniform(0, SEND_SECONDS)  # noqa: S311
            self._open[connection] = time.monotonic() + first
            self.opened += 1

    def _close_ended(self, selector: selectors.BaseSelector) -> None:
        for key, _ in selector.select(POLL_SECONDS):
            connection = cast(socket.socket, key.fileobj)
            try:
                self.answered += bool(connection.recv(65_536))
            except (ssl.SSLWantReadError, BlockingIOError):
                continue
            except OSError:
                pass
            self._forget(connection, selector)

    def _send_due(self, selector: selectors.BaseSelector) -> None:
        now = time.monotonic()
        for connection in [one for one, due in self._open.items() if due <= now]:
            try:
                connection.send(self.drip)
                self._open[connection] = now + SEND_SECONDS
            except (ssl.SSLWantWriteError, BlockingIOError):
                continue
            except OSError:
                self._forget(connection, selector)

    def _forget(self, connection: socket.socket, selector: selectors.BaseSelector) -> None:
        selector.unregister(connection)
        connection.close()
        del self._open[connection]


@dataclass
class Served:
    """What ordinary clients saw: the seconds of each request, and what failed."""

    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def p99(self) -> float:
        """Return the 99th percentile of the seconds; a request that failed counts as endless."""
        ordered = sorted([*self.seconds, *(float("inf") for _ in self.failures)])
        return ordered[int(0.99 * (len(ordered) - 1))] if ordered else float("inf")

    def __str__(self) -> str:
        total = len(self.seconds) + len(self.failures)
        return f"{total:,} requests of others, {len(self.failures)} failed, p99 {self.p99:.2f} s"


@contextmanager
def others(request: Callable[[], None], threads: int = 4, pause: float = 0.05) -> Iterator[Served]:
    """Send requests from some threads during the block; `request` raises where it is not served."""
    served, ended = Served(), threading.Event()

    def send() -> None:
        while not ended.wait(pause):
            began = time.monotonic()
            try:
                request()
            except Exception as error:
                served.failures.append(f"{type(error).__name__}: {error}")
            else:
                served.seconds.append(time.monotonic() - began)

    workers = [threading.Thread(target=send, daemon=True) for _ in range(threads)]
    for one in workers:
        one.start()
    try:
        yield served
    finally:
        ended.set()
        for one in workers:
            one.join()
