"""The plot: for each question the ratios to the smallest shop as lines, once over the orders and
once over the products, with the bar in red. Plain SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from benchmarks.growth.course import JUDGED, Figure, Found
from benchmarks.growth.report import extents
from benchmarks.growth.shops import Extent
from benchmarks.history.course import BAR

PANEL, PLOT, LEFT, HEAD, GAP, TOP_RATIO = 330, 240, 40, 26, 28, 2.0
HEIGHT = 90
COLOURS = {"p99": "#2f6f4f", "CPU": "#c98a1b"}
LIMIT, GRID = "#c0392b", "#d7ddd9"


def svg(found: Sequence[Found]) -> str:
    """An SVG document: a row a question, its title above it. Ratios above 2 are drawn at 2."""
    shops = extents(found)
    least = min(shops)
    axes = [
        [one for one in shops if one.products == least.products],
        [one for one in shops if one.orders == least.orders],
    ]
    parts = list(_legend())
    row = HEAD + HEIGHT + GAP
    for number, one in enumerate(found):
        top = 30 + number * row
        parts.append(_text(LEFT, top + 14, one.question, weight="bold"))
        for column, axis in enumerate(axes):
            parts += _panel(one, axis, LEFT + column * PANEL, top + HEAD, orders=column == 0)
    bottom = 30 + len(found) * row
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + 2 * PANEL} {bottom}" '
        'font-family="sans-serif" font-size="11">'
    )
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *parts, "</svg>"])


def _legend() -> Iterator[str]:
    yield _text(LEFT, 18, "Ratio to the smallest shop:")
    for number, (name, colour) in enumerate([*COLOURS.items(), (f"bar {BAR}", LIMIT)]):
        x = LEFT + 160 + number * 90
        yield f'<path d="M{x} 14h24" stroke="{colour}" stroke-width="2"/>'
        yield _text(x + 30, 18, name)


def _panel(
    one: Found, axis: Sequence[Extent], left: float, top: float, *, orders: bool
) -> Iterator[str]:
    """One question along one axis."""
    for ratio, colour in ((0.0, GRID), (1.0, GRID), (BAR, LIMIT)):
        y = _height(top, ratio)
        yield f'<path d="M{left} {y:.1f}h{PLOT}" stroke="{colour}"/>'
        yield _text(left - 4, y + 4, f"{ratio:g}", anchor="end")
    places = [
        left + (PLOT - 20) * number / max(1, len(axis) - 1) + 10 for number in range(len(axis))
    ]
    for x, shop in zip(places, axis, strict=True):
        label = f"{shop.orders:,} orders" if orders else f"{shop.products:,} products"
        yield _text(x, top + HEIGHT + 14, label, anchor="middle")
    for name, figure in JUDGED.items():
        yield _line(one, figure, list(zip(places, axis, strict=True)), top, COLOURS[name])


def _line(
    one: Found, figure: Figure, shops: Sequence[tuple[float, Extent]], top: float, colour: str
) -> str:
    points = " ".join(f"{x:.1f},{_height(top, one.ratio(shop, figure)):.1f}" for x, shop in shops)
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _height(top: float, ratio: float) -> float:
    return top + HEIGHT * (1 - min(ratio, TOP_RATIO) / TOP_RATIO)


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}"'
    return f'<text {place} text-anchor="{anchor}" font-weight="{weight}">{escape(text)}</text>'
