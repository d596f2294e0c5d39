"""What came of it, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from benchmarks.compare.commits import Commit
from benchmarks.compare.course import Pair, Pairs, Spread, costs, rates
from benchmarks.measurement import Measurement
from benchmarks.report import markdown_table

HEADINGS = (
    *("", "A: req/s", "B: req/s", "B ÷ A, from–to"),
    *("A: p99 ms", "B: p99 ms", "A: CPU µs", "B: CPU µs", "B ÷ A, from–to"),
)
INTRODUCTION = """\
Medians over the pairs, with the least and the largest ratio of a pair. CPU in µs a request: of the
application + of PostgreSQL. **Bold**: every pair says so; the others show no difference."""


def page(a: Commit, b: Commit, pairs: Pairs) -> str:
    """A page with both commits' names and the table."""
    lines = ["# Two commits", "", f"- A: {a.title}", f"- B: {b.title}", "", INTRODUCTION, ""]
    rows = [_row(name, some) for name, some in pairs.items()]
    return "\n".join([*lines, *markdown_table(HEADINGS, rows), ""])


def _row(name: str, pairs: Sequence[Pair]) -> tuple[str, ...]:
    a, b = [pair.a for pair in pairs], [pair.b for pair in pairs]
    return (
        *(name, _rate(a), _rate(b), ratio(rates(pairs))),
        *(_p99(a), _p99(b), _cost(a), _cost(b), ratio(costs(pairs))),
    )


def ratio(found: Spread) -> str:
    """A ratio with its spread, bold where all pairs agree."""
    middle = f"**{found.middle:.2f}**" if found.tells else f"{found.middle:.2f}"
    return f"{middle}, {found.least:.2f}–{found.most:.2f}"


def _rate(some: Sequence[Measurement]) -> str:
    return f"{median(one.rate for one in some):,.0f}"


def _p99(some: Sequence[Measurement]) -> str:
    return f"{median(one.latency(0.99) for one in some) * 1000:.1f}"


def _cost(some: Sequence[Measurement]) -> str:
    application = median(one.each(one.cpu.application) for one in some)
    postgresql = median(one.each(one.cpu.postgresql) for one in some)
    return f"{application:.0f} + {postgresql:.0f}"
