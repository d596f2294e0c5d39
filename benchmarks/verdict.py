"""Ratios to the limits, and which of them must not fall below what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.books import Books
from benchmarks.course import Results
from benchmarks.measurement import cost_ratio, ratio, summary


@dataclass(frozen=True, slots=True)
class Compared:
    """What is compared with which limit; `floor` is the least ratio, if there is one."""

    measured: str
    limit: str
    floor: float | None = None


RATIOS = (
    Compared("R", "bare Django", floor=0.75),
    Compared("R", "bare WSGI"),
    Compared("R304", "R"),
    Compared("W", "pgbench W", floor=0.40),
    Compared("H", "pgbench H"),
    Compared("H", "W"),
    Compared("WK", "W"),
    Compared("W", "pgbench 20"),
)


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio that was found: of rates, which is what a floor is for, and of CPU."""

    compared: Compared
    value: float
    by_cpu: float

    @property
    def passed(self) -> bool:
        """Whether it stands on its floor; without a floor always. A NaN does not."""
        return self.compared.floor is None or self.value >= self.compared.floor


@dataclass(frozen=True, slots=True)
class Verdict:
    """All ratios, the first wrong answers, and what is wrong with the books."""

    ratios: Sequence[Ratio]
    failures: Sequence[str]
    books: Books

    @property
    def missed(self) -> list[str]:
        """Why the run fails, in sentences; empty when it passes."""
        low = [
            f"{one.compared.measured} is {one.value:.0%} of {one.compared.limit}, "
            f"the floor is {one.compared.floor:.0%}."
            for one in self.ratios
            if not one.passed
        ]
        return [*low, *self.failures, *self.books.faults]


def _ratio(compared: Compared, results: Results) -> Ratio:
    ours, limit = results[compared.measured], results[compared.limit]
    # How many cores there are has no part in a cost.
    by_cpu = cost_ratio(summary(ours, cores=1), summary(limit, cores=1))
    return Ratio(compared, ratio(ours, limit), by_cpu)


def judge(results: Results, books: Books) -> Verdict:
    """Compares everything with its limit."""
    ratios = [_ratio(one, results) for one in RATIOS]
    failures = [
        f"{name} got a wrong answer: {one.failure[:500]}"
        for name, rounds in results.items()
        for one in rounds
        if one.failure
    ]
    return Verdict(ratios, failures, books)
