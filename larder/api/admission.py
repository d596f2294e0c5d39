"""Orders that wait in front of the threads: how long, and refusing some while it is too long.

The server (granian) accepts up to a thousand connections a process and takes their requests in
the order they came; until a thread is free the application knows nothing of them, and is not told
later how long they waited. So each process asks itself something over its own port, now and then
while there is work, and sees how long the question waits (`Bell`). As long as that is more than
it should be, a share of the writes is told 503 with `Retry-After`, which costs a small part of
what an order costs, and the others wait less.
"""

import secrets
import socket
from collections.abc import Callable, Iterable
from http import HTTPStatus
from threading import Event, Lock, Thread
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse
from django_guid import clear_guid, set_guid

from larder.api.problems import RETRY_AFTER, problem
from larder.common.ids import new_id
from larder.common.stopwatch import Stopwatch

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]

EASY_WAIT = 1.0
"""Seconds that nobody is refused for: until then the rate is highest when all are let in."""
STEEPNESS = 1.0
"""By how much the share that is refused grows with each second of waiting beyond that."""
MOST_REFUSED = 0.5
"""Every other one at most. Refusing costs too: 0.1 ms, and orders go in smaller groups, for a
thread that refuses brings none. Without a bound those who come back at once, again and again,
would take the time from the orders."""
RING_SECONDS = 0.1
PATIENCE = 10.0
"""Seconds an answer to the bell may take."""
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Bell(Thread):
    """Tells how long a request waits for a thread of this process, by sending one."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(name="bell", daemon=True)
        self._address = (host, port)
        self._secret = secrets.token_hex(16)
        self._connection: socket.socket | None = None
        self._rung: Stopwatch | None = None
        self._took = 0.0
        self._pause = Event()
        self.needed = True

    @property
    def can_ring(self) -> bool:
        """Not where the server listens at a socket in the file system."""
        return self._address[1] > 0

    @property
    def wait(self) -> float:
        """Seconds: what the last ring waited, or the one that is under way has waited so far."""
        rung = self._rung
        return max(self._took, rung.seconds if rung else 0.0)

    def is_ring(self, environ: dict[str, Any]) -> bool:
        """Whether this request is one of this bell's."""
        return bool(environ.get("HTTP_LARDER_RING") == self._secret)

    def run(self) -> None:
        """Rings as long as the process lives, but not while nobody asks for anything."""
        while not self._pause.wait(RING_SECONDS):
            if not self.needed:
                self._took = 0.0
                continue
            self.needed = False
            try:
                self._ring()
            except OSError as error:
                self._hang_up()
                self._took = PATIENCE if isinstance(error, TimeoutError) else 0.0

    def _ring(self) -> None:
        if self._connection is None:
            self._connection = socket.create_connection(self._address, PATIENCE)
        self._rung = Stopwatch()
        try:
            self._connection.sendall(
                b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"
                b"Larder-Ring: " + self._secret.encode() + b"\r\n\r\n"
            )
            at_home = self._connection.recv(4096).startswith(b"HTTP/1.1 204")
        finally:
            took, self._rung = self._rung.seconds, None
        if at_home:
            self._took = took
        else:
            # Another process of this server, at the same port, took the connection.
            self._hang_up()

    def _hang_up(self) -> None:
        self._took = 0.0
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Admission:
    """A WSGI application that refuses a share of the writes while requests wait for too long."""

    def __init__(self, application: Application, refused: Callable[[], None] | None = None) -> None:
        """`refused` is called for each request that is."""
        self._application = application
        self._refused = refused or _nothing
        self._bell: Bell | None = None
        self._hanging = Lock()
        self._due = 0.0

    @property
    def wait(self) -> float:
        """Seconds that requests wait for a thread now."""
        return self._bell.wait if self._bell else 0.0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        bell = self._bell or self._hang(environ)
        if bell.is_ring(environ):
            start_response("204 No Content", [])
            return []
        bell.needed = True
        if bell.wait > EASY_WAIT and _may_be_refused(environ) and self._is_refused(bell.wait):
            self._refused()
            return _refuse(environ, start_response)
        return self._application(environ, start_response)

    def _hang(self, environ: dict[str, Any]) -> Bell:
        """The first request tells where the server listens."""
        with self._hanging:
            if self._bell is None:
                port = environ["SERVER_PORT"]
                bell = Bell(environ["SERVER_NAME"], int(port) if port.isdigit() else 0)
                if bell.can_ring:
                    bell.start()
                self._bell = bell
            return self._bell

    def _is_refused(self, wait: float) -> bool:
        """Spreads refusals evenly. Threads that meet here may lose a part of one: no matter."""
        self._due += share_refused(wait)
        if self._due < 1:
            return False
        self._due -= 1
        return True


def share_refused(wait: float) -> float:
    """Of the writes, when they wait for so many seconds.

    >>> [round(share_refused(seconds), 2) for seconds in (0.1, 1.0, 1.2, 5)]
    [0.0, 0.0, 0.2, 0.5]
    """
    return min(MOST_REFUSED, max(0.0, (wait - EASY_WAIT) * STEEPNESS))


def _may_be_refused(environ: dict[str, Any]) -> bool:
    """Writes to v1. A page of another origin could not read the refusal: it passes."""
    return (
        environ["REQUEST_METHOD"] in WRITES
        and environ["PATH_INFO"].startswith("/api/v1/")
        and "HTTP_ORIGIN" not in environ
    )


def _nothing() -> None: ...


def _refuse(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    guid = new_id().hex
    set_guid(guid)
    try:
        headers = {"Retry-After": str(RETRY_AFTER), "Correlation-ID": guid}
        answer: HttpResponse = problem(WSGIRequest(environ), "overloaded", headers=headers)
    finally:
        clear_guid()
    answer["Content-Length"] = str(len(answer.content))
    status = HTTPStatus(answer.status_code)
    start_response(f"{status.value} {status.phrase}", list(answer.items()))
    return [answer.content]
