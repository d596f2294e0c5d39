"""The results: a table for the terminal and for Markdown, and JSON for machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from benchmarks.course import Results, Step
from benchmarks.machine import Machine
from benchmarks.measurement import Summary, summary
from benchmarks.verdict import Verdict

HEADINGS = ("", "req/s", "p50 ms", "p99 ms", "app µs", "pg µs", "load µs", "others", "what")
MEBIBYTE = 1 << 20
MOST_NOISE = 0.10
"""The share of the machine that others may take before the report warns of it."""
INTRODUCTION = """\
Medians over the rounds. CPU in µs a request: of the application, of PostgreSQL, of the load
generator, which shares the cores. *others*: the machine's CPU that went to processes without a
part in it; more than a few percent means noise, which weighs on a load and on its limit alike."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Peaks over the whole run, in bytes."""

    application: int
    postgresql: int


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is told of a run. `setup` is how it was measured, by name."""

    machine: Machine
    setup: dict[str, Any]
    steps: Sequence[Step]
    results: Results
    verdict: Verdict
    memory: Memory

    def summaries(self) -> dict[str, Summary]:
        """The medians, by the name of the step."""
        cores = self.machine.cores
        return {name: summary(rounds, cores=cores) for name, rounds in self.results.items()}

    def rows(self) -> list[tuple[str, ...]]:
        """The table, under HEADINGS."""
        titles = {step.name: step.title for step in self.steps}
        return [_row(name, one, titles[name]) for name, one in self.summaries().items()]


def _row(name: str, one: Summary, title: str) -> tuple[str, ...]:
    costs = (one.application, one.postgresql, one.generator)
    return (
        *(name, f"{one.rate:,.0f}", f"{one.p50:.1f}", f"{one.p99:.1f}"),
        *(f"{cost:.0f}" for cost in costs),
        *(f"{one.others:.0%}", title),
    )


def text(report: Report) -> str:
    """What the terminal shows at the end."""
    table = aligned([HEADINGS, *report.rows()])
    return "\n".join(["", *table, "", *ratio_lines(report.verdict), "", *closing(report), ""])


def aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows as lines: the first and the last column flush left, numbers flush right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    last = len(widths) - 1
    return [
        "  ".join(
            cell.ljust(width) if column in {0, last} else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def ratio_lines(verdict: Verdict) -> list[str]:
    """The ratios, one a line, those with a floor judged."""
    lines = []
    for one in verdict.ratios:
        line = f"{one.compared.measured:<5} / {one.compared.limit:<12}{one.value:>7.1%}"
        line += f"   by CPU {one.by_cpu:>6.1%}"
        if one.compared.floor is not None:
            line += f"   floor {one.compared.floor:.0%}: {'passed' if one.passed else 'MISSED'}"
        lines.append(line)
    return lines


def closing(report: Report) -> list[str]:
    """Memory, the books, and the verdict."""
    books, memory = report.verdict.books, report.memory
    application, postgresql = memory.application / MEBIBYTE, memory.postgresql / MEBIBYTE
    balance = "THE BOOKS DO NOT BALANCE" if books.faults else "the books balance"
    orders = f"{books.placed:,} orders over HTTP and {books.pgbench_placed:,} of pgbench"
    lines = [
        f"Peak memory: application {application:.0f} MiB, PostgreSQL {postgresql:.0f} MiB.",
        f"{orders}: {balance}.",
    ]
    noise = median(one.others for one in report.summaries().values())
    if noise > MOST_NOISE:
        lines.append(
            f"Other processes took {noise:.0%} of this machine: ratios of rates are not to be "
            "relied on, those by CPU are."
        )
    missed = report.verdict.missed
    return [*lines, *(f"MISSED: {sentence}" for sentence in missed)] if missed else lines


def markdown(report: Report, plot: str) -> str:
    """The same as a page, with the plot's file name."""
    table = [HEADINGS, tuple("---" for _ in HEADINGS), *report.rows()]
    setup = [f"- {name}: {value}" for name, value in facts(report).items()]
    return "\n".join(
        [
            "# Load figures",
            "",
            INTRODUCTION,
            "",
            *(f"| {' | '.join(row)} |" for row in table),
            "",
            *(f"    {line}" for line in ratio_lines(report.verdict)),
            "",
            *(f"{line}\n" for line in closing(report)),
            f"![Requests a second beside their limits]({plot})",
            "",
            *setup,
            "",
        ]
    )


def facts(report: Report) -> dict[str, Any]:
    """Machine and set-up in one."""
    return asdict(report.machine) | report.setup


def as_json(report: Report) -> dict[str, Any]:
    """For machines. Rates a second, latencies in ms, CPU in µs a request, memory in bytes."""
    cores = report.machine.cores
    return {
        "passed": not report.verdict.missed,
        "missed": report.verdict.missed,
        "machine": asdict(report.machine),
        "setup": report.setup,
        "medians": {name: asdict(one) for name, one in report.summaries().items()},
        "rounds": {
            name: [asdict(summary([one], cores=cores)) | {"sent": one.sent} for one in rounds]
            for name, rounds in report.results.items()
        },
        "ratios": [
            asdict(one.compared) | {"value": one.value, "by_cpu": one.by_cpu, "passed": one.passed}
            for one in report.verdict.ratios
        ],
        "books": asdict(report.verdict.books) | {"faults": report.verdict.books.faults},
        "peak_memory": asdict(report.memory),
    }
