"""Customers' apps: patient, logged in, many at once."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TypeVar

from tools.errors import LauncherError
from tools.replay.wire import Answer, Line, Request

TIMEOUT = 8
LONGEST_PAUSE_SECONDS = 5.0
# A token is renewed this long before it expires.
MARGIN_SECONDS = 30.0

Thing = TypeVar("Thing")
Result = TypeVar("Result")


class NoAnswerError(Exception):
    """Nothing definite came back, however often a request was repeated."""


def persist(line: Line, request: Request) -> Answer:
    """Repeat a request until a definite answer comes: not 429, not 503, not a lost connection.

    Raises NoAnswerError after TIMEOUT attempts.
    """
    trouble = ""
    for attempt in range(TIMEOUT):
        pause = min(0.05 * 2**attempt, LONGEST_PAUSE_SECONDS)
        try:
            answer = line.call(request)
        except (OSError, http.client.HTTPException) as error:
            trouble = f"{type(error).__name__}: {error}"
        else:
            if answer.status not in (429, 503):
                return answer
            trouble = answer.code
            pause = min(float(answer.headers.get("retry-after", pause)), LONGEST_PAUSE_SECONDS)
        time.sleep(pause)
    raise NoAnswerError(f"{request.method} {request.path}: {trouble}")


def expect(answer: Answer, status: int, doing: str) -> Answer:
    """Return the answer if it has the status; LauncherError otherwise."""
    if answer.status != status:
        raise LauncherError(f"The server answered {answer.status} ({answer.code}) when {doing}.")
    return answer


@dataclass
class Account:
    """A client that can order. Threads may share one."""

    username: str
    password: str
    access: str = ""
    refresh: str = ""
    good_until: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def token(self, line: Line) -> str:
        """Return an access token that is good for a while: log in, or refresh."""
        with self.lock:
            if time.monotonic() > self.good_until:
                self._renew(line)
            return self.access

    def _renew(self, line: Line) -> None:
        if self.refresh:
            request = Request("POST", "auth/token/refresh", {"refresh": self.refresh})
        else:
            credentials = {"username": self.username, "password": self.password}
            request = Request("POST", "auth/token", credentials)
        answer = expect(persist(line, request), 200, f"logging in as {self.username}")
        self.access, self.refresh = answer.body["access"], answer.body["refresh"]
        self.good_until = time.monotonic() + answer.body["expires_in"] - MARGIN_SECONDS


class Crew:
    """Threads, each with a separate connection, for things to be done many times."""

    def __init__(self, base_url: str, size: int) -> None:
        self._base_url = base_url
        self._size = size

    def each(
        self, work: Callable[[Line, Thing], Result], things: Sequence[Thing]
    ) -> Iterator[Result]:
        """Do `work` for each of the things, many at once; yield the results in order."""
        own = threading.local()
        with ExitStack() as lines:

            def connect() -> None:
                own.line = lines.enter_context(Line(self._base_url))

            with ThreadPoolExecutor(self._size, initializer=connect) as threads:
                yield from threads.map(lambda thing: work(own.line, thing), things)
