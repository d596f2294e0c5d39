"""Threads in which Django answers, and how their results reach an event loop."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from time import monotonic
from typing import Any, TypeVar

from larder.core.errors import Overloaded

Result = TypeVar("Result")

STACK_BYTES = 32 * 1024 * 1024
"""The stack of each thread: with less, the process would end before Python's recursion limit is
reached. Memory that is not used costs nothing."""

MOST_WAITING = 512
"""Requests that wait for a thread. One more is refused at once."""

LONGEST_WAIT = 10.0
"""Seconds. A request that waited longer is refused: its client has probably given up."""


class Results:
    """Hands results over to futures of an event loop, which is woken once for many of them."""

    def __init__(self) -> None:
        self._ready: deque[tuple[asyncio.Future[Any], Any]] = deque()
        self._is_waking = False

    def put(self, future: asyncio.Future[Result], result: Result | BaseException) -> None:
        """Sets the result of the future, or the exception. Called in any thread."""
        self._ready.append((future, result))
        if not self._is_waking:
            self._is_waking = True
            future.get_loop().call_soon_threadsafe(self._hand_over)

    def _hand_over(self) -> None:
        self._is_waking = False
        while self._ready:
            future, result = self._ready.popleft()
            if future.done():
                continue
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)


class Threads:
    """Runs functions in `size` threads. At most MOST_WAITING wait."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._work: SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any], float]] = (
            SimpleQueue()
        )
        self._results = Results()
        self._open = 0
        self._is_started = False

    def run(self, function: Callable[[], Result]) -> asyncio.Future[Result]:
        """Returns the future of what the function returns in a thread, or raises there.

        Raises Overloaded, without having called it, if too many wait; the future raises it if it
        waited too long.
        """
        if not self._is_started:
            self._start()
        if self._open >= self._size + MOST_WAITING:
            raise Overloaded
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._open += 1
        future.add_done_callback(self._close)
        self._work.put((function, future, monotonic()))
        return future

    def _close(self, _: asyncio.Future[Any]) -> None:
        self._open -= 1

    def _start(self) -> None:
        self._is_started = True
        former = threading.stack_size(STACK_BYTES)
        for number in range(self._size):
            threading.Thread(target=self._serve, name=f"django-{number}", daemon=True).start()
        threading.stack_size(former)

    def _serve(self) -> None:
        while True:
            function, future, began = self._work.get()
            result: Any
            try:
                result = Overloaded() if monotonic() - began > LONGEST_WAIT else function()
            except BaseException as error:
                result = error
            self._results.put(future, result)
            # A thread that waits keeps nothing of its last request.
            del function, future, result
