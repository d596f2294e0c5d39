"""The plot: requests a second as bars, each group beside its limit, a red line where Larder's
bar is."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks import bars
from benchmarks.bars import LIMIT, OURS, Bar
from benchmarks.verdict import RATIOS

GROUPS = (
    (
        "Product list of 20, and one product",
        (
            *("R", "R64", "R256", "R304", "R304 64", "R304 256", "R beside W"),
            *("detail", "detail 64", "detail 256", "bare Django", "bare queries", "bare WSGI"),
        ),
    ),
    (
        "Orders of three products",
        ("W", "WK", "W16", "W64", "W256", "hold", "pgbench W", "pgbench 20"),
    ),
    ("One product in every order", ("H", "H16", "H64", "H256", "pgbench H")),
    ("90 % list, 8 % orders, 2 % history", ("mixed 16", "mixed 64", "mixed 256")),
    ("Log-in", ("L",)),
)


def svg(rates: Mapping[str, float]) -> str:
    """An SVG document. Bars of a group share a scale."""
    wanted = marks(rates)
    return bars.svg(
        [
            (title, [bar(name, rates[name], wanted.get(name)) for name in names if name in rates])
            for title, names in GROUPS
        ]
    )


def marks(rates: Mapping[str, float]) -> dict[str, float]:
    """Returns the rates that loads should reach, by the name of the load."""
    return {
        one.measured: one.marks.bar * rates[one.limit]
        for one in RATIOS
        if one.marks.bar is not None and one.limit in rates
    }


def bar(name: str, rate: float, mark: float | None, label: str = "") -> Bar:
    """Returns the bar of a load. Those of Larder have another colour than their limits."""
    colour = LIMIT if name.startswith(("bare", "pgbench")) else OURS
    return Bar(label or name, rate, f"{rate:,.0f}/s", colour, mark)
