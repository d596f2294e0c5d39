"""The plot: requests a second as bars, each group beside its limit, a red line where Larder's
bar is. Plain SVG."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from benchmarks.verdict import RATIOS

GROUPS = (
    (
        "Product list of 20, and one product",
        (
            *("R", "R64", "R256", "R304", "R304 64", "R304 256", "R beside W"),
            *("detail", "detail 64", "detail 256", "bare Django", "bare queries", "bare WSGI"),
        ),
    ),
    ("Orders of three products", ("W", "WK", "W16", "W64", "W256", "pgbench W", "pgbench 20")),
    ("One product in every order", ("H", "H16", "H64", "H256", "pgbench H")),
    ("90 % list, 8 % orders, 2 % history", ("mixed 16", "mixed 64", "mixed 256")),
    ("Log-in", ("L",)),
)
WIDTH, LEFT, RIGHT, BAR, GAP, HEAD = 720, 110, 150, 18, 6, 34
OURS, LIMIT, RED = "#2f6f4f", "#b9c4bd", "#c0392b"


@dataclass(frozen=True, slots=True)
class Bar:
    """`wanted`: the rate that it is to reach, where there is one."""

    name: str
    rate: float
    wanted: float | None = None

    @property
    def colour(self) -> str:
        """Larder's bars stand out from the limits'."""
        return LIMIT if self.name.startswith(("bare", "pgbench")) else OURS


def svg(rates: Mapping[str, float]) -> str:
    """An SVG document. Bars of a group share a scale."""
    wanted = {
        one.measured: one.marks.bar * rates[one.limit]
        for one in RATIOS
        if one.marks.bar is not None and one.limit in rates
    }
    parts, top = [], GAP
    for title, names in GROUPS:
        bars = [Bar(name, rates[name], wanted.get(name)) for name in names if name in rates]
        parts += [_text(GAP, top + HEAD - 12, title, weight="bold"), *_bars(bars, top + HEAD)]
        top += HEAD + len(bars) * (BAR + GAP)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top + GAP}" '
        'font-family="sans-serif" font-size="12">'
    )
    return "\n".join(
        [head, f'<rect width="{WIDTH}" height="100%" fill="white"/>', *parts, "</svg>"]
    )


def _bars(bars: Sequence[Bar], top: int) -> Iterator[str]:
    longest = max(max(bar.rate, bar.wanted or 0) for bar in bars) or 1.0
    scale = (WIDTH - LEFT - RIGHT) / longest
    for place, bar in enumerate(bars):
        y = top + place * (BAR + GAP)
        length = bar.rate * scale
        yield _text(LEFT - GAP, y + 13, bar.name, anchor="end")
        yield f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR}" fill="{bar.colour}"/>'
        yield _text(LEFT + length + GAP, y + 13, f"{bar.rate:,.0f}/s")
        if bar.wanted is not None:
            x = LEFT + bar.wanted * scale
            yield f'<path d="M{x:.1f} {y - 2}V{y + BAR + 2}" stroke="{RED}" stroke-width="2"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}"'
    return f'<text {place} text-anchor="{anchor}" font-weight="{weight}">{escape(text)}</text>'
