"""python -m benchmarks.plots [--check]: draws the plots of docs/explanation/performance.

Reads the figures in benchmarks/published, which have the form that the benchmarks write into
benchmarks/results: a newer run is published by copying its file. With --check it writes nothing
and returns 1 if a plot is not what the figures say.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import bars, plot
from benchmarks.bars import LIMIT, OURS, Bar
from benchmarks.history.course import BAR
from tools.terminal import complain

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "benchmarks" / "published"
PAGES = ROOT / "docs" / "explanation" / "performance"
LABELS = 300
"""Width of the labels."""

READING = {
    "Product list, a page of 20": {
        "R": "list, 16 connections",
        "R64": "list, 64 connections",
        "R256": "list, 256 connections",
        "R304": "list, not modified",
        "R beside W": "list while orders are placed",
        "bare Django": "limit: bare Django view",
        "bare WSGI": "limit: bare WSGI",
    },
    "Other reads": {
        "detail": "one product",
        "mixed 16": "90 % lists, 8 % orders, 2 % history; 16",
        "mixed 64": "the same, 64 connections",
        "mixed 256": "the same, 256 connections",
    },
}
PLACING = {
    "Orders of three products": {
        "W16": "16 connections",
        "W": "32 connections",
        "WK": "32 connections, with a key",
        "W64": "64 connections",
        "W256": "256 connections",
        "pgbench W": "limit: pgbench, one by one",
        "pgbench 20": "limit: pgbench, batches of twenty",
    },
    "One product in every order": {
        "H16": "16 connections",
        "H": "32 connections",
        "H64": "64 connections",
        "H256": "256 connections",
    },
}
PEERS = {
    "W8": "Orders a second, 8 customers",
    "W32": "Orders a second, 32 customers",
    "W64": "Orders a second, 64 customers",
    "R": "List pages a second, 16 connections",
}
Groups = Sequence[tuple[str, Sequence[Bar]]]


def main(arguments: list[str]) -> int:
    """The command line."""
    stale = [path for path, text in drawn() if not _holds(path, text)]
    if "--check" in arguments:
        for path in stale:
            complain(f"Not what benchmarks/published says: {path.name} (make docs/pictures).")
        return 1 if stale else 0
    for path, text in drawn():
        path.write_text(text, "utf-8")
    return 0


def drawn() -> Iterator[tuple[Path, str]]:
    """Yields each plot with its file."""
    bench, peers, growth = (_figures(name) for name in ("bench", "peers", "growth"))
    for name, groups in (
        ("placing", _loads(bench, PLACING)),
        ("reading", _loads(bench, READING)),
        ("peers", _systems(peers)),
        ("growth", _ratios(growth)),
    ):
        yield PAGES / f"{name}.svg", bars.svg(groups, left=LABELS) + "\n"


def _figures(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FIGURES / f"{name}.json").read_text("utf-8"))
    return found


def _loads(bench: Mapping[str, Any], groups: Mapping[str, Mapping[str, str]]) -> Groups:
    rates = {name: one["rate"] for name, one in bench["medians"].items()}
    wanted = plot.marks(rates)
    return [
        (title, [plot.bar(name, rates[name], wanted.get(name), loads[name]) for name in loads])
        for title, loads in groups.items()
    ]


def _systems(peers: Mapping[str, Any]) -> Groups:
    return [(title, list(_rates(peers, load))) for load, title in PEERS.items()]


def _rates(peers: Mapping[str, Any], load: str) -> Iterator[Bar]:
    for one in peers["systems"]:
        rate = one["medians"][load]["rate"]
        text = f"{rate:,.0f}/s" if rate >= 10 else f"{rate:,.1f}/s"
        yield Bar(one["name"], rate, text, OURS if one["name"] == "Larder" else LIMIT)


def _ratios(growth: Mapping[str, Any]) -> Groups:
    """The largest shop of all, the last of each question's, by the smallest."""
    return [
        (f"{title}, as a multiple of the smallest shop", list(_largest(growth, f"{figure} ratio")))
        for title, figure in (("p99", "p99"), ("CPU of a request", "CPU"))
    ]


def _largest(growth: Mapping[str, Any], figure: str) -> Iterator[Bar]:
    for question, shops in growth["questions"].items():
        ratio = shops[-1][figure]
        yield Bar(question, ratio, f"{ratio:.2f}", mark=BAR)


def _holds(path: Path, text: str) -> bool:
    return path.exists() and path.read_text("utf-8") == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
