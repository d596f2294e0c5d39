"""What the modules tell of their work, to whoever watches: nobody, unless a server's metrics do.

The modules know of no metrics library; `ops` watches (larder/ops/metrics.py).
"""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal, Protocol

from larder.common.harmless import harmless
from larder.common.stopwatch import Stopwatch

Reason = Literal["full", "late"]
"""Why somebody was not even tried: as many waited as may, or they had waited for too long."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group that is done.

    `waited`: the seconds that each member waited until it began. `answers`: what each was told,
    in the same order. `seconds`: how long it ran. `waiting`: how many wait for the next.
    """

    waited: Sequence[float]
    answers: Sequence[object]
    seconds: float
    waiting: int


class Observer(Protocol):
    """Is told by the thread that did it, once nobody waits for it any more."""

    def group_done(self, group: Group) -> None: ...

    def refused(self, reason: Reason) -> None: ...


class Observers:
    """Tells all who watch. What they raise is logged: no order fails because it was counted."""

    def __init__(self) -> None:
        self._watching: list[Observer] = []

    def watch(self, observer: Observer) -> None:
        """From now on, in this process."""
        self._watching.append(observer)

    def group_done(self, group: Group) -> None:
        """A group ran."""
        for one in self._watching:
            harmless(one.group_done, group)

    def refused(self, reason: Reason) -> None:
        """Somebody was not tried."""
        for one in self._watching:
            harmless(one.refused, reason)


placing = Observers()
"""Groups of orders."""

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
