"""Bar charts as plain SVG: groups of bars, each group with its own scale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, RIGHT, BAR, GAP, HEAD = 720, 150, 18, 6, 34
OURS, LIMIT, RED = "#2f6f4f", "#b9c4bd", "#c0392b"


@dataclass(frozen=True, slots=True)
class Bar:
    """A value with its label. `text` is written behind the bar; a red line is at `mark`."""

    label: str
    value: float
    text: str
    colour: str = OURS
    mark: float | None = None


def svg(groups: Sequence[tuple[str, Sequence[Bar]]], *, left: int = 110) -> str:
    """Returns an SVG document. `left` is the width of the labels. Groups without bars are left
    out."""
    parts, top = [], GAP
    for title, bars in groups:
        if bars:
            parts += [_text(GAP, top + HEAD - 12, title, weight="bold")]
            parts += _bars(bars, top + HEAD, left)
            top += HEAD + len(bars) * (BAR + GAP)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top + GAP}" '
        'font-family="sans-serif" font-size="12">'
    )
    return "\n".join(
        [head, f'<rect width="{WIDTH}" height="100%" fill="white"/>', *parts, "</svg>"]
    )


def _bars(bars: Sequence[Bar], top: int, left: int) -> Iterator[str]:
    longest = max(max(bar.value, bar.mark or 0) for bar in bars) or 1.0
    scale = (WIDTH - left - RIGHT) / longest
    for place, bar in enumerate(bars):
        y = top + place * (BAR + GAP)
        length = bar.value * scale
        yield _text(left - GAP, y + 13, bar.label, anchor="end")
        yield f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{BAR}" fill="{bar.colour}"/>'
        yield _text(left + length + GAP, y + 13, bar.text)
        if bar.mark is not None:
            x = left + bar.mark * scale
            yield f'<path d="M{x:.1f} {y - 2}V{y + BAR + 2}" stroke="{RED}" stroke-width="2"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}"'
    return f'<text {place} text-anchor="{anchor}" font-weight="{weight}">{escape(text)}</text>'
