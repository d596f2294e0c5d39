"""Reports the work of the modules to observers, which `ops` registers
(larder/ops/telemetry/metrics.py)."""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal, Protocol

from larder.core.best_effort import best_effort

Reason = Literal["full", "late"]
"""Why a request was not run: the queue was full, or the request waited too long."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that is done: the seconds that each request `waited` in the queue, the `results` in
    the same order, the duration in `seconds`, and the requests `waiting` now."""

    waited: Sequence[float]
    results: Sequence[object]
    seconds: float
    waiting: int


class Observer(Protocol):
    """Called by the thread that ran a batch, after all its requests have their results."""

    def batch_done(self, batch: Batch) -> None: ...

    def refused(self, reason: Reason) -> None: ...


class Observers:
    """Reports to all observers. Their errors are logged, so that no order fails because of them."""

    def __init__(self) -> None:
        self._watching: list[Observer] = []

    def watch(self, observer: Observer) -> None:
        """Registers an observer in this process."""
        self._watching.append(observer)

    def batch_done(self, batch: Batch) -> None:
        """Reports a batch."""
        for one in self._watching:
            best_effort(one.batch_done, batch)

    def refused(self, reason: Reason) -> None:
        """Reports a request that was refused without being run."""
        for one in self._watching:
            best_effort(one.refused, reason)


placing = Observers()
"""Batches of orders."""

connections_held: deque[float] = deque(maxlen=65_536)
"""Seconds for which threads held connections of the pool. The metrics take the values from here;
without metrics the oldest are dropped. An append takes 50 ns and no lock."""

payments: deque[tuple[str, str]] = deque(maxlen=65_536)
"""Events and records of payments, by provider and outcome, taken likewise."""

hashes_refused: deque[str] = deque(maxlen=65_536)
"""Refused password hashes, by their lane, taken likewise."""

reads: deque[str] = deque(maxlen=65_536)
"""Reads that a replica can answer, by what answered: `replica`, or the primary, because no replica
was current enough (`behind`) or one `failed`. Taken likewise."""


class Tracing:
    """Creates spans of use cases. Without tracing (larder/ops/telemetry/tracing.py) they do
    nothing."""

    def __init__(self) -> None:
        self.make: Callable[..., AbstractContextManager[object]] = _no_span

    def span(self, name: str, **attributes: str | int) -> AbstractContextManager[object]:
        """Returns a span: a context manager that records the duration of its block."""
        return self.make(name, **attributes)


def _no_span(name: str, **attributes: str | int) -> AbstractContextManager[object]:
    return nullcontext()


tracing = Tracing()
"""The tracing of this process."""
