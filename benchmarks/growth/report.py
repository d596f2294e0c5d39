"""The results: tables in Markdown, and JSON for machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.growth import course
from benchmarks.growth.course import JUDGED, Found
from benchmarks.growth.shops import Extent
from benchmarks.growth.writing import Written
from benchmarks.history.course import BAR
from benchmarks.machine import Machine

FIGURES = (course.p50, course.p99, course.application, course.postgresql)


@dataclass(frozen=True, slots=True)
class Report:
    """The results of a run. `sizes` are bytes of an order and of a product, in tables
    and in indexes, as filling leaves them; `faults` what is wrong with the books."""

    machine: Machine
    setup: dict[str, Any]
    found: Sequence[Found]
    written: Sequence[Written]
    product_bytes: float
    faults: Sequence[str]

    @property
    def missed(self) -> list[str]:
        """Why the run fails, in sentences; empty when it passes."""
        slow = [sentence for one in self.found for sentence in one.missed()]
        return [*slow, *(text for one in self.written for text in one.missed()), *self.faults]


def extents(found: Sequence[Found]) -> list[Extent]:
    """The shops, the smallest first."""
    return sorted(found[0].rounds[0]) if found else []


def markdown(report: Report, plot: str) -> str:
    """A page, with the plot's file name."""
    parts = ["# Growth", *asking(report.found)]
    parts += [*writing(report.written), f"A product takes {report.product_bytes:,.0f} bytes."]
    parts += [f"![Ratios to the smallest shop]({plot})"] if report.found else []
    parts += closing(report)
    facts = asdict(report.machine) | report.setup
    return "\n\n".join([*parts, "\n".join(f"- {name}: {value}" for name, value in facts.items())])


def asking(found: Sequence[Found]) -> list[str]:
    """Two tables: the ratios, and what they are ratios of."""
    shops = extents(found)
    if not shops:
        return []
    ratios = [["", *(f"{one}" for one in shops[1:])]]
    ratios += [[one.question, *(_ratios(one, shop) for shop in shops[1:])] for one in found]
    figures = [["", *(f"{one}" for one in shops)]]
    figures += [[one.question, *(_figures(one, shop) for shop in shops)] for one in found]
    return [
        f"p99 and CPU a request, each as a ratio to that of {shops[0]}:",
        _table(ratios),
        "p50 and p99 in ms; CPU of the application and of PostgreSQL in µs a request:",
        _table(figures),
    ]


def _ratios(one: Found, shop: Extent) -> str:
    found = [one.ratio(shop, figure) for figure in JUDGED.values()]
    return ", ".join(f"**{ratio:.2f}**" if ratio > BAR else f"{ratio:.2f}" for ratio in found)


def _figures(one: Found, shop: Extent) -> str:
    p50, p99, application, postgresql = (one.typical(shop, figure) for figure in FIGURES)
    return f"{p50:.1f}, {p99:.1f}; {application:.0f} + {postgresql:.0f}"


def writing(written: Sequence[Written]) -> list[str]:
    """A table of what orders leave behind."""
    if not written:
        return []
    shops = [["", *(f"{one.extent}" for one in written)]]
    rows = {
        "orders placed": [f"{one.orders:,}" for one in written],
        "a second": [f"{one.cost.rate:,.0f}" for one in written],
        "CPU an order: application, PostgreSQL, µs": [
            f"{one.cost.application:.0f}, {one.cost.postgresql:.0f}" for one in written
        ],
        "bytes an order": [f"{one.bytes:,.0f}" for one in written],
        **{f"of them {name}: table, indexes": _bytes(written, name) for name in _tables(written)},
        "bytes of the log an order": [f"{one.log:,.0f}" for one in written],
        "heap-only updates of stock": [f"{one.hot:.1%}" for one in written],
        "the stock's table, times": [f"{one.stock_growth:.2f}" for one in written],
    }
    table = _table([*shops, *([name, *cells] for name, cells in rows.items())])
    return ["Orders of three products, 32 at a time:", table]


def _tables(written: Sequence[Written]) -> list[str]:
    """Those that take more than a few bytes an order."""
    return sorted({name for one in written for name, size in one.sizes.items() if size.total > 5})


def _bytes(written: Sequence[Written], table: str) -> list[str]:
    sizes = [one.sizes.get(table) for one in written]
    return ["" if size is None else f"{size.table:.0f}, {size.indexes:.0f}" for size in sizes]


def _table(rows: Sequence[Sequence[str]]) -> str:
    lines = [rows[0], ["---", *["---:"] * (len(rows[0]) - 1)], *rows[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def closing(report: Report) -> list[str]:
    """The verdict."""
    missed = [f"MISSED: {sentence}." for sentence in report.missed]
    return missed or [f"Nothing beyond {BAR} times the smallest shop; the books balance."]


def as_json(report: Report) -> dict[str, Any]:
    """For machines. Latencies in ms, CPU in µs a request, sizes in bytes."""
    return {
        "passed": not report.missed,
        "missed": report.missed,
        "machine": asdict(report.machine),
        "setup": report.setup,
        "questions": {one.question: _question(one) for one in report.found},
        "written": [
            asdict(one) | {"extent": one.extent._asdict(), "bytes": one.bytes}
            for one in report.written
        ],
        "product_bytes": report.product_bytes,
    }


def _question(one: Found) -> list[dict[str, Any]]:
    return [
        shop._asdict()
        | {figure.__name__: one.typical(shop, figure) for figure in FIGURES}
        | {f"{name} ratio": one.ratio(shop, figure) for name, figure in JUDGED.items()}
        for shop in extents([one])
    ]
