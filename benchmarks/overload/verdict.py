"""What a server must still do with more than it can take, and what it did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.books import Books
from benchmarks.measurement import Measurement, percentile
from benchmarks.overload.course import USUAL, Found

LEAST_RATE = 0.90
"""Of the best rate."""
LONGEST = 1.0
"""Seconds: the p99 of the orders that were placed, at the client."""
BACK_WITHIN = 5.0
"""Seconds after which the usual number of connections finds the server as it was."""
AS_BEFORE = 0.20
"""How much slower that may be: two seconds of one measurement differ as much."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`rate`: of the best. `p50`, `p99`: seconds of placed orders. `refused`: answers a second,
    `refused_p99` seconds of theirs. `back_after`: seconds; None when it never was itself again."""

    rate: float
    p50: float
    p99: float
    refused: float
    refused_p99: float
    back_after: float | None
    failures: Sequence[str]
    books: Books

    @property
    def missed(self) -> list[str]:
        """Why the run fails, in sentences; empty when it passes."""
        found = [*self.failures, *self.books.faults]
        if not self.rate >= LEAST_RATE:
            found.append(f"It placed {self.rate:.0%} of its best, the bar is {LEAST_RATE:.0%}.")
        if not self.p99 <= LONGEST:
            found.append(f"p99 of placed orders is {self.p99:.2f} s, the bar is {LONGEST:.0f} s.")
        if self.back_after is None or self.back_after > BACK_WITHIN:
            when = "never" if self.back_after is None else f"after {self.back_after:.1f} s"
            found.append(f"It was itself again {when}, the bar is {BACK_WITHIN:.0f} s.")
        return found


def judge(found: Found, books: Books) -> Verdict:
    """Holds what was measured against the bars."""
    rush = found.rush
    return Verdict(
        rate=rush.rate / found.best,
        p50=rush.latency(0.50),
        p99=rush.latency(0.99),
        refused=len(rush.refusals) / rush.seconds,
        refused_p99=percentile(rush.refusals, 0.99),
        back_after=back_after(found),
        failures=[one.failure for one in found.measurements if one.failure],
        books=books,
    )


def back_after(found: Found) -> float | None:
    """When a second of the usual load was first as it had been; None when none was."""
    usual = found.calm[USUAL]
    rate = median(one.rate for one in usual)
    p50 = median(one.latency(0.5) for one in usual)
    return next(
        (one.seconds for one in found.after if _as_before(one.measurement, rate, p50)), None
    )


def _as_before(one: Measurement, rate: float, p50: float) -> bool:
    fast = one.latency(0.5) <= p50 * (1 + AS_BEFORE)
    return fast and one.rate >= rate * (1 - AS_BEFORE) and not one.refusals
