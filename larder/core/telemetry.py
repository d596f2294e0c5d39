"""What the modules tell of their work, to whoever watches: nobody, unless a server's metrics do.

The modules know of no metrics library; `ops` watches (larder/ops/metrics.py).
"""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal, Protocol

from larder.core.harmless import harmless
from larder.core.stopwatch import Stopwatch

Reason = Literal["full", "late"]
"""Why a request was not run: the queue was full, or it had waited for too long."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that is done.

    `waited`: the seconds that each request waited in the queue. `results`: what each was answered,
    in the same order. `seconds`: how long the batch ran. `waiting`: requests in the queue now.
    """

    waited: Sequence[float]
    results: Sequence[object]
    seconds: float
    waiting: int


class Observer(Protocol):
    """Called by the thread that ran a batch, once all its requests have their results."""

    def batch_done(self, batch: Batch) -> None: ...

    def refused(self, reason: Reason) -> None: ...


class Observers:
    """Tells all who watch. What they raise is logged: no order fails because it was counted."""

    def __init__(self) -> None:
        self._watching: list[Observer] = []

    def watch(self, observer: Observer) -> None:
        """From now on, in this process."""
        self._watching.append(observer)

    def batch_done(self, batch: Batch) -> None:
        """Reports a batch."""
        for one in self._watching:
            harmless(one.batch_done, batch)

    def refused(self, reason: Reason) -> None:
        """Reports a request that was refused without being run."""
        for one in self._watching:
            harmless(one.refused, reason)


placing = Observers()
"""Batches of orders."""

connections_held: deque[float] = deque(maxlen=65_536)
"""Seconds for which connections were kept from the pool, until somebody takes them from here; with
nobody there the oldest go. An append costs 50 ns and no lock."""

locks_held: deque[float] = deque(maxlen=65_536)
"""Seconds for which transactions that place orders held their locks of stock; likewise."""


class Hold:
    """For how long one transaction holds its locks of stock: nothing where it takes none."""

    __slots__ = ("_running",)

    def __init__(self) -> None:
        self._running: Stopwatch | None = None

    def begins(self) -> None:
        """The last of them was taken."""
        self._running = Stopwatch()

    def ends(self) -> None:
        """The transaction is over, whichever way."""
        if self._running is not None:
            locks_held.append(self._running.seconds)


class Tracing:
    """Spans of use cases: nobody makes any unless this process is traced (ops/tracing.py)."""

    def __init__(self) -> None:
        self.make: Callable[..., AbstractContextManager[object]] = _no_span

    def span(self, name: str, **attributes: str | int) -> AbstractContextManager[object]:
        """What is done within it takes so long, and belongs together."""
        return self.make(name, **attributes)


def _no_span(name: str, **attributes: str | int) -> AbstractContextManager[object]:
    return nullcontext()


tracing = Tracing()
"""Of this process."""
