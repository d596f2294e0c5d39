"""The results: bars, tables for the terminal, and JSON for machines.

Medians over the rounds. CPU in µs a request: of the application, of PostgreSQL, of the load
generator, which shares the cores. *others*: the machine's CPU that went to processes without a
part in it; more than a few percent means noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, NamedTuple

from benchmarks.loads import TITLES, Results
from benchmarks.machine import Machine
from benchmarks.measurement import Summary, quotient, ratio, summary
from benchmarks.operations import Cost

MEBIBYTE = 1 << 20
MOST_NOISE = 0.10
"""The share of the machine that others may take before the report warns of it."""
MOST_ORDERS = 3.0
"""What an operation may cost in orders."""
Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The results of a run. `setup` is how it was measured, by name; `memory` are bytes at most, of
    the server and of PostgreSQL; `faults` what was wrong with answers and books."""

    machine: Machine
    setup: dict[str, Any]
    results: Results
    memory: tuple[int, int]
    costs: Sequence[Cost]
    faults: Sequence[str]

    def summaries(self) -> dict[str, Summary]:
        """The medians, by the name of the load."""
        cores = self.machine.cores
        return {name: summary(rounds, cores=cores) for name, rounds in self.results.items()}


class Bar(NamedTuple):
    """A figure that Larder wants to reach, or with `at_most` not to exceed."""

    text: str
    value: Callable[[Results, Mapping[str, Summary]], float]
    bar: float
    shown: str
    at_most: bool = False


def _ratio(load: str, limit: str) -> Callable[[Results, Mapping[str, Summary]], float]:
    return lambda results, _: ratio(results[load], results[limit])


BARS = (
    Bar("W / pgbench W", _ratio("W", "pgbench W"), 1.0, "{:.2f}"),
    Bar("H / W", _ratio("H", "W"), 0.9, "{:.2f}"),
    Bar(
        "orders confirmed / W",
        lambda results, _: ratio(results["hold"], results["W"]) / 2,
        0.5,
        "{:.2f}",
    ),
    Bar(
        "CPU of an order",
        lambda _, loads: loads["W"].cost,
        650,
        "{:.0f} µs",
        at_most=True,
    ),
    Bar("p50 of W of 8", lambda _, loads: loads["W of 8"].p50, 10, "{:.1f} ms", at_most=True),
    Bar("p99 of W as due", lambda _, loads: loads["W as due"].p99, 60, "{:.0f} ms", at_most=True),
    Bar("p99 of W, busy", lambda _, loads: loads["W, busy"].p99, 600, "{:.0f} ms", at_most=True),
    Bar("list pages a second", lambda _, loads: loads["R"].rate, 17_000, "{:,.0f}"),
)


def bars(report: Report) -> list[Row]:
    """Each figure that has a bar, and whether it is met. NaN meets none."""
    rows: list[Row] = [("", "is", "bar", "")]
    for text, value, bar, shown, at_most in BARS:
        figure = value(report.results, report.summaries())
        met = figure <= bar if at_most else figure >= bar
        sign = "≤" if at_most else "≥"
        rows.append(
            (text, shown.format(figure), f"{sign} {shown.format(bar)}", "met" if met else "MISSED")
        )
    return rows


def loads(report: Report) -> list[Row]:
    """The table of the loads."""
    heading = ("", "req/s", "p50 ms", "p99 ms", "app µs", "pg µs", "load µs", "others", "what")
    return [heading, *(_load(name, load) for name, load in report.summaries().items())]


def _load(name: str, load: Summary) -> Row:
    costs = (load.application, load.postgresql, load.generator)
    return (
        *(name, f"{load.rate:,.0f}", _figure(load.p50, 1), _figure(load.p99, 1)),
        *(_figure(cost, 0) for cost in costs),
        *(f"{load.others:.0%}", TITLES[name]),
    )


def _figure(value: float, places: int) -> str:
    return "–" if math.isnan(value) else f"{value:.{places}f}"


def costs(found: Sequence[Cost]) -> list[Row]:
    """The table of what operations cost in orders; the first one is an order."""
    rows: list[Row] = [("one at a time", "app µs", "pg µs", "orders", "")]
    for cost in found:
        share = quotient(cost.both, found[0].both)
        mark = f"above {MOST_ORDERS:.0f}" if share > MOST_ORDERS else ""
        figures = (f"{cost.application:.0f}", f"{cost.postgresql:.0f}", f"{share:.1f}")
        rows.append((cost.operation, *figures, mark))
    return rows


def aligned(rows: Sequence[Row]) -> list[str]:
    """Rows as lines: the first and the last column flush left, the others flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    last = len(widths) - 1
    return [
        "  ".join(
            cell.ljust(width) if column in {0, last} else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def text(report: Report) -> str:
    """What the terminal shows at the end."""
    tables = (loads(report), costs(report.costs), bars(report))
    lines = [line for table in tables for line in ("", *aligned(table))]
    server, postgresql = (size / MEBIBYTE for size in report.memory)
    lines += ["", f"Memory at most: server {server:.0f} MiB, PostgreSQL {postgresql:.0f} MiB."]
    noise = median(load.others for load in report.summaries().values())
    if noise > MOST_NOISE:
        lines.append(f"Other processes took {noise:.0%} of this machine: repeat it when quiet.")
    verdict = "None of these figures counts." if report.faults else "The books balance."
    return "\n".join([*lines, verdict, *report.faults])


def as_json(report: Report) -> dict[str, Any]:
    """For machines. Rates a second, latencies in ms, CPU in µs a request, memory in bytes."""
    return {
        "faults": list(report.faults),
        "machine": asdict(report.machine),
        "setup": report.setup,
        "medians": {name: asdict(load) for name, load in report.summaries().items()},
        "bars": bars(report),
        "memory": report.memory,
        "one_at_a_time": [cost._asdict() for cost in report.costs],
    }
