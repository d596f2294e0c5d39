"""The plot: requests a second as bars, each group beside its limit. Plain SVG."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from benchmarks.verdict import Ratio

GROUPS = (
    ("Product list, 20 rows", ("R", "R304", "bare Django", "bare WSGI")),
    ("Orders of three products", ("W", "WK", "pgbench W")),
    ("One product in every order", ("H", "pgbench H")),
    ("Log-in", ("L",)),
)
WIDTH, LEFT, RIGHT, BAR, GAP, HEAD = 720, 110, 150, 18, 6, 34
OURS, LIMIT, FLOOR = "#2f6f4f", "#b9c4bd", "#c0392b"


@dataclass(frozen=True, slots=True)
class Bar:
    """`floor`: the rate it must reach, where there is one."""

    name: str
    rate: float
    floor: float | None = None

    @property
    def colour(self) -> str:
        """Larder's bars stand out from the limits'."""
        return LIMIT if self.name.startswith(("bare", "pgbench")) else OURS


def svg(rates: Mapping[str, float], ratios: Sequence[Ratio]) -> str:
    """An SVG document. Bars of a group share a scale; a red line is the floor of its bar."""
    floors = {
        one.compared.measured: one.compared.floor * rates[one.compared.limit]
        for one in ratios
        if one.compared.floor is not None
    }
    parts, top = [], GAP
    for title, names in GROUPS:
        bars = [Bar(name, rates[name], floors.get(name)) for name in names if name in rates]
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
    longest = max(max(bar.rate, bar.floor or 0) for bar in bars) or 1.0
    scale = (WIDTH - LEFT - RIGHT) / longest
    for place, bar in enumerate(bars):
        y = top + place * (BAR + GAP)
        length = bar.rate * scale
        yield _text(LEFT - GAP, y + 13, bar.name, anchor="end")
        yield f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR}" fill="{bar.colour}"/>'
        yield _text(LEFT + length + GAP, y + 13, f"{bar.rate:,.0f}/s")
        if bar.floor is not None:
            x = LEFT + bar.floor * scale
            yield f'<path d="M{x:.1f} {y - 2}V{y + BAR + 2}" stroke="{FLOOR}" stroke-width="2"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}"'
    return f'<text {place} text-anchor="{anchor}" font-weight="{weight}">{escape(text)}</text>'
