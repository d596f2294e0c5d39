"""Results of other threads, for those who wait for them on the event loop."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

Result = TypeVar("Result")


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

    def to(self, future: asyncio.Future[Result]) -> Callable[[Result | BaseException], None]:
        """Returns a function that sets the result of this future."""
        return lambda result: self.put(future, result)

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
