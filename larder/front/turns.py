"""Which requests wait for one another on the event loop: those of an account, or of an address, so
that a few clients cannot take all threads and connections of a process."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Hashable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from django.conf import settings

from larder.core.errors import Overloaded
from larder.core.waits import LONGEST_WAIT
from larder.http.addresses import client_address
from larder.http.api_headers import SAFE
from larder.http.authentication import remembered_caller


class Queue(NamedTuple):
    """Whose requests take turns, and how many may run and wait."""

    key: Hashable
    running: int
    waiting: int


ORDERS = ("POST", "/api/v1/orders")
"""The method and path of new orders."""

PROBE = "/livez"
"""The path of the probe of a process: a thread of its own answers it, also while all others are
busy."""

QueueOf = Callable[[Mapping[str, Any]], Queue | None]


READING = 6
"""Requests of a queue that read and run at once. Browsers open as many connections to a server."""

WRITING = 2
"""Requests of a queue that write and run at once. They often need the same rows."""

WRITING_OF_STAFF = 4
"""A program of the shop writes for many accounts."""

WAITING = 128
"""Requests of a queue that wait: many can have one address, or are sent by a program of staff."""

WAITING_OF_A_CUSTOMER = 16
"""An app can send several requests at once."""


def queue_of(environ: Mapping[str, Any]) -> Queue | None:
    """Returns the queue of a request; None for the probe, and for orders, which have their own."""
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    if path == PROBE or (method, path) == ORDERS:
        return None
    header = environ.get("HTTP_AUTHORIZATION")
    who = remembered_caller(header)
    # Before its first answer, a credential stands for its account.
    key = header or client_address(environ, settings.TRUSTED_PROXIES) if who is None else who.id
    is_staff = who is not None and who.is_staff
    waiting = WAITING if header is None or is_staff else WAITING_OF_A_CUSTOMER
    if header is None and "HTTP_COOKIE" in environ:
        # The staff of an office have one address.
        return Queue((key, "browsers"), READING, waiting)
    if method in SAFE:
        return Queue((key, "reads"), READING, waiting)
    return Queue((key, "writes"), WRITING_OF_STAFF if is_staff else WRITING, waiting)


class Turns:
    """Lets a few requests of each queue run at once. Others wait for them."""

    def __init__(self, queue_of: QueueOf) -> None:
        self._queue_of = queue_of
        self._free: dict[Hashable, asyncio.Semaphore] = {}
        self._present = Counter[Hashable]()

    @asynccontextmanager
    async def turn(self, environ: Mapping[str, Any]) -> AsyncIterator[None]:
        """Runs the block when it is the request's turn.

        Raises Overloaded: at once if too many wait, or after LONGEST_WAIT.
        """
        queue = self._queue_of(environ)
        if queue is None:
            yield
            return
        key = queue.key
        if self._present[key] >= queue.running + queue.waiting:
            raise Overloaded
        self._present[key] += 1
        free = self._free.setdefault(key, asyncio.Semaphore(queue.running))
        try:
            await _take(free)
            try:
                yield
            finally:
                free.release()
        finally:
            self._present[key] -= 1
            if not self._present[key]:
                del self._present[key], self._free[key]


async def _take(free: asyncio.Semaphore) -> None:
    try:
        async with asyncio.timeout(LONGEST_WAIT):
            await free.acquire()
    except TimeoutError:
        raise Overloaded from None
