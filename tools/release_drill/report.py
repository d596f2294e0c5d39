"""What a drill says: a line for each step, and a last line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.table import Table

from tools.release_drill.clients import Heard

OUTAGE_SECONDS = 15.0
SHOWN = 10


@dataclass(frozen=True)
class Took:
    """A step that was taken: its seconds, what clients heard, and if 503 was allowed."""

    name: str
    seconds: float
    heard: Sequence[Heard]
    outage: bool

    @property
    def unavailable(self) -> list[Heard]:
        """The answers that an outage explains: 503 with Retry-After."""
        return [one for one in self.heard if one.status == 503 and one.retry_after]

    @property
    def away(self) -> float:
        """For how long clients got 503: from the first of these requests to the last answer."""
        some = self.unavailable
        return max(one.at for one in some) - min(one.sent for one in some) if some else 0.0

    @property
    def failed(self) -> list[Heard]:
        """The requests that failed."""
        allowed = set(self.unavailable) if self.outage else set[Heard]()
        return [one for one in self.heard if not one.good and one not in allowed]

    @property
    def good(self) -> bool:
        """Whether no request failed, and the outage was short."""
        return not self.failed and self.away < OUTAGE_SECONDS


def table(steps: Sequence[Took]) -> Table:
    """Return a row for each step."""
    shown = Table(box=None, pad_edge=False)
    for heading in ("step", "s", "requests", "failed", "503", "for s", "slowest s"):
        shown.add_column(heading, justify="left" if heading == "step" else "right", no_wrap=True)
    for one in steps:
        slowest = max((each.at - each.sent for each in one.heard), default=0.0)
        figures = (len(one.heard), len(one.failed), len(one.unavailable))
        row = (f"{one.seconds:.1f}", *figures, f"{one.away:.1f}", f"{slowest:.2f}")
        shown.add_row(one.name, *map(str, row))
    return shown


def failures(steps: Sequence[Took]) -> Iterator[str]:
    """Yield the kinds of failures of each step."""
    for one in steps:
        kinds = Counter(f"{each.kind}: {each.status} {each.code}" for each in one.failed)
        yield from (f"{one.name}: {kind} ({number})" for kind, number in kinds.most_common(SHOWN))
        if one.away >= OUTAGE_SECONDS:
            yield f"{one.name}: 503 for {one.away:.1f} s"


def summary(steps: Sequence[Took], orders: int, faults: int) -> str:
    """Return the last line."""
    requests = sum(len(one.heard) for one in steps)
    failed = sum(len(one.failed) for one in steps)
    away = max((one.away for one in steps if one.outage), default=0.0)
    return (
        f"{requests:,} requests in {sum(one.seconds for one in steps):.0f} s, {orders:,} orders, "
        f"failed {failed}, longest time of 503 {away:.1f} s, "
        f"faults of the books {faults}"
    )
