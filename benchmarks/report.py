"""The results: tables for the terminal, and JSON for machines.

Medians over the rounds. CPU in µs a request: of the application, of PostgreSQL, of the load
generator, which shares the cores. *others*: the machine's CPU that went to processes without a
part in it; more than a few percent means noise, which weighs on a load and on its limit alike.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from benchmarks.course import TITLES, Results
from benchmarks.footprint import Memory, Start
from benchmarks.machine import Machine
from benchmarks.measurement import Cost, Summary, quotient, summary
from benchmarks.verdict import Line, Unit, Verdict

HEADINGS = ("", "req/s", "p50 ms", "p99 ms", "app µs", "pg µs", "load µs", "others", "what")
VERDICT_HEADINGS = ("", "is", "by CPU", "bar", "goal", "floor")
MEBIBYTE = 1 << 20
MOST_NOISE = 0.10
"""The share of the machine that others may take before the report warns of it."""
MOST_ORDERS = 3.0
"""What an operation may cost in orders."""
Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The results of a run. `setup` is how it was measured, by name."""

    machine: Machine
    setup: dict[str, Any]
    results: Results
    verdict: Verdict
    start: Start
    memory: Memory
    costs: Sequence[Cost]

    def summaries(self) -> dict[str, Summary]:
        """The medians, by the name of the load."""
        cores = self.machine.cores
        return {name: summary(rounds, cores=cores) for name, rounds in self.results.items()}

    def rows(self) -> list[Row]:
        """The table, under HEADINGS."""
        return [_row(name, one, TITLES[name]) for name, one in self.summaries().items()]

    def verdict_rows(self) -> list[Row]:
        """Every figure that is held against something, under VERDICT_HEADINGS."""
        return [_verdict_row(line) for line in self.verdict.lines]


def _row(name: str, one: Summary, title: str) -> Row:
    costs = (one.application, one.postgresql, one.generator)
    return (
        *(name, f"{one.rate:,.0f}", _figure(one.p50, 1), _figure(one.p99, 1)),
        *(_figure(cost, 0) for cost in costs),
        *(f"{one.others:.0%}", title),
    )


def _figure(value: float, places: int) -> str:
    return "–" if math.isnan(value) else f"{value:.{places}f}"


def _verdict_row(line: Line) -> Row:
    marks = line.marks
    return (
        *(line.text, line.unit.text(line.value), Unit.SHARE.text(line.by_cpu)),
        _judged(line, marks.bar, "met", "MISSED"),
        _judged(line, marks.goal, "reached", "not yet"),
        _judged(line, marks.floor, "passed", "FAILED"),
    )


def _judged(line: Line, mark: float | None, good: str, bad: str) -> str:
    if mark is None:
        return ""
    sign = "≤" if line.marks.at_most else "≥"
    return f"{sign} {line.unit.text(mark)}: {good if line.marks.hold(line.value, mark) else bad}"


def text(report: Report) -> str:
    """What the terminal shows at the end."""
    table = aligned([HEADINGS, *report.rows()], flush_left={0, len(HEADINGS) - 1})
    verdict = aligned([VERDICT_HEADINGS, *report.verdict_rows()], flush_left={0, 3, 4, 5})
    return "\n".join(["", *table, "", *costs(report.costs), "", *verdict, "", *closing(report), ""])


def costs(found: Sequence[Cost]) -> list[str]:
    """The table of what operations cost in orders; the first one is an order."""
    rows = [("one at a time", "app µs", "pg µs", "orders", "")]
    for cost in found:
        share = quotient(cost.both, found[0].both)
        mark = f"above {MOST_ORDERS:.0f}" if share > MOST_ORDERS else ""
        figures = (f"{cost.application:.0f}", f"{cost.postgresql:.0f}", f"{share:.1f}")
        rows.append((cost.operation, *figures, mark))
    return aligned(rows, flush_left={0, 4})


def aligned(rows: Sequence[Row], flush_left: set[int]) -> list[str]:
    """Rows as lines; the other columns, which hold numbers, are flush right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column in flush_left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def closing(report: Report) -> list[str]:
    """Start, memory, the books, and what fails."""
    verdict, books = report.verdict, report.verdict.books
    balance = "THE BOOKS DO NOT BALANCE" if books.faults else "the books balance"
    orders = f"{books.placed:,} orders over HTTP and {books.pgbench_placed:,} of pgbench"
    barred = [line for line in verdict.lines if line.marks.bar is not None]
    met = sum(line.met for line in barred)
    lines = [*_footprint(report), f"{orders}: {balance}."]
    noise = median(one.others for one in report.summaries().values())
    if noise > MOST_NOISE:
        lines.append(
            f"Other processes took {noise:.0%} of this machine: ratios of rates are not to be "
            "relied on, those by CPU are."
        )
    if verdict.counts:
        lines.append(f"{met} of {len(barred)} bars met.")
    else:
        lines.append("A wrong answer or a missing unit: none of these figures counts.")
    return [*lines, *(f"FAILED: {sentence}" for sentence in verdict.failed)]


def _footprint(report: Report) -> list[str]:
    start, memory = report.start, report.memory
    worker, peak = start.worker / MEBIBYTE, memory.worker / MEBIBYTE
    application, postgresql = memory.application / MEBIBYTE, memory.postgresql / MEBIBYTE
    in_all = f"application {application:.0f} MiB, PostgreSQL {postgresql:.0f} MiB"
    return [
        f"Start: {start.ready:.2f} s to the first answer.",
        f"Memory of a worker: {worker:.0f} MiB after its start, {peak:.0f} MiB at most.",
        f"Memory in all, at most: {in_all}.",
    ]


def markdown_table(headings: Row, rows: Sequence[Row]) -> list[str]:
    """Lines of Markdown: the first column flush left, the others flush right."""
    rules = ("---", *("---:" for _ in headings[1:]))
    return [f"| {' | '.join(row)} |" for row in (headings, rules, *rows)]


def as_json(report: Report) -> dict[str, Any]:
    """For machines. Rates a second, latencies in ms, CPU in µs a request, memory in bytes, times
    in seconds; what is not a number is null."""
    cores, verdict = report.machine.cores, report.verdict
    found = {
        "counts": verdict.counts,
        "passed": not verdict.failed,
        "failed": verdict.failed,
        "machine": asdict(report.machine),
        "setup": report.setup,
        "medians": {name: asdict(one) for name, one in report.summaries().items()},
        "rounds": {
            name: [asdict(summary([one], cores=cores)) | {"sent": one.sent} for one in rounds]
            for name, rounds in report.results.items()
        },
        "verdict": [_judgement(line) for line in verdict.lines],
        "books": asdict(verdict.books) | {"faults": verdict.books.faults},
        "start": asdict(report.start),
        "peak_memory": asdict(report.memory),
        "one_at_a_time": [cost._asdict() for cost in report.costs],
    }
    kept: dict[str, Any] = without_nan(found)
    return kept


def _judgement(line: Line) -> dict[str, Any]:
    answers = {"text": line.text, "unit": line.unit.name.lower(), "value": line.value}
    return (
        answers
        | {"by_cpu": line.by_cpu, "met": line.met, "passed": line.passed}
        | asdict(line.marks)
    )


def without_nan(value: Any) -> Any:
    """The same with None in place of each NaN, which JSON does not have."""
    if isinstance(value, Mapping):
        return {name: without_nan(one) for name, one in value.items()}
    if isinstance(value, list):
        return [without_nan(one) for one in value]
    return None if isinstance(value, float) and math.isnan(value) else value
