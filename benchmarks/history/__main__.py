"""python -m benchmarks.history [--orders 10000 1000000 5000000] [--rounds N] [--requests N]"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.command import measuring
from benchmarks.history.course import BAR, Found, Pace, measure
from benchmarks.history.questions import QUESTIONS
from benchmarks.history.shops import open_shops
from tools.terminal import say

SIZES = (10_000, 1_000_000, 5_000_000)


def main() -> int:
    """0 when no shop is slower than the bar allows, 1 when one is, 2 when nothing was measured."""
    options = parse()
    pace = Pace(options.rounds, options.requests)
    with (
        measuring("history", options.data) as folder,
        open_shops(folder, sorted(options.orders), progress) as shops,
    ):
        found = measure(shops, QUESTIONS, pace, lambda name: say(f"asked: {name}"))
    say(table(found, sorted(options.orders)))
    missed = beyond_the_bar(found, sorted(options.orders))
    say(f"p99 beyond {BAR} times: {', '.join(missed) or 'none'}")
    return 1 if missed else 0


def beyond_the_bar(found: Sequence[Found], sizes: Sequence[int]) -> list[str]:
    """Each question that a shop larger than the smallest answers too slowly, and which it is."""
    return [
        f"{one.question} ({size:,})" for one in found for size in sizes[1:] if one.ratio(size) > BAR
    ]


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.history", description=__doc__)
    parser.add_argument("--orders", type=int, nargs="+", default=SIZES, help="sizes of the shops")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of all questions")
    parser.add_argument("--requests", type=int, default=200, help="each time, each shop")
    parser.add_argument("--data", type=Path, help="where the databases go for the time")
    return parser.parse_args()


def progress(kind: str, done: int, all_of_them: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if done == all_of_them else ""
        sys.stderr.write(f"\r{kind}: {done:,} of {all_of_them:,}   {end}")
        sys.stderr.flush()


def table(found: Sequence[Found], sizes: Sequence[int]) -> str:
    """Milliseconds at p50 and p99 in each shop, and its p99 beside the smallest's; Markdown."""
    headings = ["", *(f"{size:,}: p50, p99 ms" for size in sizes)]
    headings += [f"p99 {size:,} ÷ {sizes[0]:,}" for size in sizes[1:]]
    rows = [headings, ["---", *["---:"] * (len(headings) - 1)]]
    for one in found:
        figures = [
            f"{one.milliseconds(n, 0.5):.1f}, {one.milliseconds(n, 0.99):.1f}" for n in sizes
        ]
        rows.append([one.question, *figures, *(f"{one.ratio(n):.2f}" for n in sizes[1:])])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    sys.exit(main())
