"""Turns of requests, for each customer or address; a wait for one takes no thread."""

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from larder.core.errors import Overloaded
from larder.core.per_key import LONGEST_WAIT


class Queue(NamedTuple):
    """Whose requests take turns, and how many may run and wait."""

    key: Hashable
    running: int
    waiting: int


QueueOf = Callable[[Mapping[str, Any]], Queue | None]
"""Returns the queue of a request; None if it waits for no other."""


class Turns:
    """Lets a few requests of each queue run at once. Others wait for them."""

    def __init__(self, queue_of: QueueOf) -> None:
        self._queue_of = queue_of
        self._free: dict[Hashable, asyncio.Semaphore] = {}
        self._present: dict[Hashable, int] = {}

    @asynccontextmanager
    async def turn(self, environ: Mapping[str, Any]) -> AsyncIterator[None]:
        """Runs the block when it is the request's turn.

        Raises Overloaded: at once if too many wait, or after LONGEST_WAIT.
        """
        queue = self._queue_of(environ)
        if queue is None:
            yield
            return
        present = self._present.get(queue.key, 0)
        if present >= queue.running + queue.waiting:
            raise Overloaded
        self._present[queue.key] = present + 1
        free = self._free.setdefault(queue.key, asyncio.Semaphore(queue.running))
        try:
            await _take(free)
            try:
                yield
            finally:
                free.release()
        finally:
            self._leave(queue.key)

    def _leave(self, key: Hashable) -> None:
        self._present[key] -= 1
        if not self._present[key]:
            del self._present[key], self._free[key]


async def _take(free: asyncio.Semaphore) -> None:
    try:
        async with asyncio.timeout(LONGEST_WAIT):
            await free.acquire()
    except TimeoutError:
        raise Overloaded from None
