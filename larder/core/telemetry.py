"""What the modules report of their work, for the metrics (larder/ops/telemetry/metrics.py)."""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from typing import Literal, TypeVar

Event = TypeVar("Event")

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


batches: deque[Batch] = deque(maxlen=1_000)
"""Batches of orders. The metrics take them from here; without metrics the oldest are dropped. An
append takes 50 ns and no lock."""

orders_rejected: deque[Reason] = deque(maxlen=65_536)
"""Why orders were not run, taken likewise."""

payments: deque[tuple[str, str]] = deque(maxlen=65_536)
"""Events and records of payments, by provider and outcome, taken likewise."""

reads: deque[str] = deque(maxlen=65_536)
"""Reads that a replica can answer, by what answered: `replica`, or the primary, because no replica
was current enough (`behind`) or one `failed`. Taken likewise."""


def taken(events: deque[Event]) -> list[Event]:
    """Returns what is in a queue now, and removes it. Threads may call it at the same time; each
    gets other events."""
    taken: list[Event] = []
    with suppress(IndexError):
        for _ in range(len(events)):
            taken.append(events.popleft())  # noqa: PERF401 - kept if another thread takes the rest
    return taken


span: Callable[[str], AbstractContextManager[object]] = nullcontext
"""Returns the span of a use case: a context manager that records the duration of its block. Set by
larder/ops/telemetry/tracing.py; without tracing it does nothing."""
