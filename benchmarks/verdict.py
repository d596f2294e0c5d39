"""Compares the figures with what they have to reach.

A *bar* is what Larder wants to reach, a *goal* what would be better still: reports say if they are
met. A *floor* is what it has reached and must not lose: below one the run fails.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from benchmarks.books import Books
from benchmarks.course import Results
from benchmarks.measurement import Measurement, Summary, cost_ratio, ratio, summary


class Unit(Enum):
    """How a figure is written."""

    SHARE = "{:.0%}"
    MILLISECONDS = "{:.1f} ms"
    MICROSECONDS = "{:.0f} µs"

    def text(self, value: float) -> str:
        """The figure with its unit; a dash for what is not a number."""
        return "–" if math.isnan(value) else self.value.format(value)


@dataclass(frozen=True, slots=True)
class Marks:
    """What a figure has to reach, or with `at_most` not to exceed; None without a mark."""

    bar: float | None = None
    goal: float | None = None
    floor: float | None = None
    at_most: bool = False

    def hold(self, value: float, mark: float | None) -> bool:
        """Whether a value is on the right side of a mark. A NaN is on no side."""
        if mark is None:
            return True
        return value <= mark if self.at_most else value >= mark


@dataclass(frozen=True, slots=True)
class Compared:
    """A load's rate as a share of another's, which is its limit."""

    measured: str
    limit: str
    marks: Marks = Marks()


@dataclass(frozen=True, slots=True)
class Figure:
    """A load's figure by itself, or (`of`) as a share of another load's. `field` of a Summary."""

    text: str
    measured: str
    field: str
    unit: Unit
    marks: Marks
    of: str = ""


RATIOS = (
    Compared("W", "pgbench W", Marks(bar=0.75, goal=1.00, floor=0.40)),
    Compared("H", "W", Marks(bar=0.90, goal=1.00, floor=0.70)),
    Compared("R", "bare Django", Marks(bar=1.50, floor=0.60)),
    Compared("R beside W", "bare Django", Marks(bar=0.50, floor=0.25)),
    Compared("R beside W", "R"),
    Compared("hold", "W", Marks(bar=0.80, floor=0.40)),
)

FIGURES = (
    Figure("W at half, of what was due", "W at half", "kept_up", Unit.SHARE, Marks(bar=0.95)),
    Figure("p99 of W64", "W64", "p99", Unit.MILLISECONDS, Marks(bar=60, at_most=True)),
    Figure("p99 of R (16)", "R", "p99", Unit.MILLISECONDS, Marks(bar=15, at_most=True)),
    Figure(
        "PostgreSQL's CPU, W / pgbench W",
        *("W", "postgresql", Unit.SHARE),
        Marks(bar=0.40, floor=0.60, at_most=True),
        of="pgbench W",
    ),
    Figure(
        "application's CPU, W",
        *("W", "application", Unit.MICROSECONDS),
        Marks(bar=350, goal=200, at_most=True),
    ),
)


@dataclass(frozen=True, slots=True)
class Line:
    """A figure that was found. `by_cpu`: the same ratio of what the loads cost, where it is one."""

    text: str
    value: float
    unit: Unit
    marks: Marks
    by_cpu: float = math.nan

    @property
    def passed(self) -> bool:
        """Whether it is on its floor; without one always."""
        return self.marks.hold(self.value, self.marks.floor)

    @property
    def met(self) -> bool:
        """Whether it reaches its bar; without one always."""
        return self.marks.hold(self.value, self.marks.bar)

    @property
    def complaint(self) -> str:
        """What is wrong with a value that is not on its floor."""
        value, floor = self.unit.text(self.value), self.unit.text(self.marks.floor or 0)
        return f"{self.text} is {value}, the floor is {floor}."


@dataclass(frozen=True, slots=True)
class Verdict:
    """All figures, the first wrong answers, and what is wrong with the books."""

    lines: Sequence[Line]
    failures: Sequence[str]
    books: Books

    @property
    def counts(self) -> bool:
        """Whether every answer was right and every unit is there: otherwise nothing counts."""
        return not self.failures and not self.books.faults

    @property
    def failed(self) -> list[str]:
        """Why the run fails, in sentences; empty when it passes."""
        low = [line.complaint for line in self.lines if not line.passed]
        return [*low, *self.failures, *self.books.faults]


def judge(results: Results, books: Books) -> Verdict:
    """Holds everything against its marks."""
    # How many cores there are has no part in a cost or a latency.
    summaries = {name: summary(rounds, cores=1) for name, rounds in results.items()}
    lines = [
        *(_compared(one, results, summaries) for one in RATIOS),
        *(_figure(one, summaries) for one in FIGURES),
    ]
    failures = [wrong(name, rounds) for name, rounds in results.items()]
    # Those with a bar first: they are what is looked for.
    lines.sort(key=lambda line: line.marks.bar is None)
    return Verdict(lines, [one for one in failures if one], books)


def wrong(name: str, rounds: Sequence[Measurement]) -> str:
    """The first wrong answer that a load got, and in how many measurements; empty without any."""
    failures = [one.failure for one in rounds if one.failure]
    if not failures:
        return ""
    first, *rest = failures[0].strip().splitlines()
    answers = f"{first} … {rest[-1]}" if rest else first
    return f"{name} got a wrong answer in {len(failures)} of {len(rounds)}: {answers[:300]}"


def _compared(asked: Compared, results: Results, summaries: Mapping[str, Summary]) -> Line:
    value = ratio(results[asked.measured], results[asked.limit])
    by_cpu = cost_ratio(summaries[asked.measured], summaries[asked.limit])
    return Line(f"{asked.measured} / {asked.limit}", value, Unit.SHARE, asked.marks, by_cpu)


def _figure(asked: Figure, summaries: Mapping[str, Summary]) -> Line:
    value: float = getattr(summaries[asked.measured], asked.field)
    if asked.of:
        limit = getattr(summaries[asked.of], asked.field)
        value = value / limit if limit else math.nan
    return Line(asked.text, value, asked.unit, asked.marks)
