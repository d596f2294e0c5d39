"""python -m benchmarks.compare A B [--quick] [--rounds N] [--seconds S] [--data DIR]"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks import books
from benchmarks.command import keep, measuring, pace_of, parser
from benchmarks.compare.commits import Commit, check_out, find
from benchmarks.installation import SMALL, Amount, Installation, install
from benchmarks.loads import Loads, Pace, failures
from benchmarks.measurement import Measurement, quotient
from benchmarks.report import Row, aligned
from larder.local.terminal import complain, say, step

LOADS: Mapping[str, Callable[[Loads], Measurement]] = {
    "R": Loads.page,
    "W": Loads.orders,
    "H": lambda loads: loads.orders(hot=True),
}
INTRODUCTION = """\
Medians over the pairs, with the least and the largest ratio of a pair; * where every pair says so,
the others show no difference. CPU in µs a request: of the application + of PostgreSQL."""


class Pair(NamedTuple):
    """A measurement of each commit; one followed the other."""

    a: Measurement
    b: Measurement


Pairs = Mapping[str, Sequence[Pair]]
"""All pairs of all rounds, by the name of the load."""


def main() -> int:
    """0 when both were measured, 1 when one answered wrongly, 2 when nothing could be measured."""
    options = parser("bench/compare")
    options.add_argument("a", metavar="A", help="a commit; . for the files as they are now")
    options.add_argument("b", metavar="B", help="another, or the same: then only chance differs")
    chosen = options.parse_args()
    with measuring("compare", chosen.data) as folder:
        commits = find(chosen.a), find(chosen.b)
        pairs, faults = measure(commits, folder, chosen)
    rows = table(pairs)
    titles = [f"{letter}: {commit.title}" for letter, commit in zip("AB", commits, strict=True)]
    say("\n".join(["", *titles, INTRODUCTION, "", *aligned(rows)]))
    for fault in faults:
        complain(f"None of this counts: {fault}")
    say(f"Kept as {keep('compare-', {'commits': titles, 'rows': rows, 'faults': faults})}.")
    return int(bool(faults))


def measure(
    commits: Sequence[Commit], folder: Path, options: argparse.Namespace
) -> tuple[Pairs, list[str]]:
    """Both commits side by side, and what was wrong with their answers or books."""
    with ExitStack() as stack:
        shops = []
        for letter, commit in zip("AB", commits, strict=True):
            with step(f"{letter} ready: {commit.name}"):
                own = folder / letter
                own.mkdir()
                amount = SMALL if options.quick else Amount()
                shop = install(own, amount, check_out(commit, own))
                shops.append(stack.enter_context(shop))
        pairs = alternate(shops, pace_of(options))
        faults = [
            f"{letter}: {fault}"
            for letter, shop, measured in zip("AB", shops, _by_commit(pairs), strict=True)
            for fault in (
                *failures(measured),
                *books.faults(shop, [each for rounds in measured.values() for each in rounds]),
            )
        ]
        return pairs, faults


def alternate(shops: Sequence[Installation], pace: Pace) -> Pairs:
    """Measures each load on A, B, B and A, so that a machine that slows down or speeds up favours
    neither. Says a line for each measurement that counts."""
    a, b = (Loads(shop, pace) for shop in shops)
    for loads in (a, b):
        loads.page()
    pairs: dict[str, list[Pair]] = {name: [] for name in LOADS}
    for number in range(1, pace.rounds + 1):
        for name, load in LOADS.items():
            first, second, third, fourth = (load(loads) for loads in (a, b, b, a))
            pairs[name] += [Pair(first, second), Pair(fourth, third)]
            rates = "".join(f"{each.rate:>9.0f}/s" for each in (first, second, third, fourth))
            say(f"  {number}/{pace.rounds} {name:<5}{rates}")
    return pairs


def _by_commit(pairs: Pairs) -> tuple[dict[str, list[Measurement]], ...]:
    return tuple(
        {name: [pair[at] for pair in some] for name, some in pairs.items()} for at in (0, 1)
    )


def table(pairs: Pairs) -> list[Row]:
    """A row for each load."""
    heading = ("", "A: req/s", "B: req/s", "B ÷ A", "A: p99 ms", "B: p99 ms")
    return [
        (*heading, "A: CPU µs", "B: CPU µs", "B ÷ A"),
        *(_row(name, some) for name, some in pairs.items()),
    ]


def _row(name: str, pairs: Sequence[Pair]) -> Row:
    sides = [pair.a for pair in pairs], [pair.b for pair in pairs]
    rates = (f"{median(each.rate for each in side):,.0f}" for side in sides)
    p99s = (f"{median(each.latency(0.99) for each in side) * 1000:.1f}" for side in sides)
    return (
        *(name, *rates, ratio([quotient(pair.b.rate, pair.a.rate) for pair in pairs])),
        *(*p99s, *(_costs(side) for side in sides)),
        ratio([quotient(_cost(pair.b), _cost(pair.a)) for pair in pairs]),
    )


def ratio(ratios: Sequence[float]) -> str:
    """The median of ratios, the least and the largest; * if all are above 1, or all below."""
    least, most = min(ratios), max(ratios)
    return f"{median(ratios):.2f}{'*' if least > 1 or most < 1 else ''}, {least:.2f}–{most:.2f}"


def _costs(side: Sequence[Measurement]) -> str:
    application = median(each.each(each.cpu.application) for each in side)
    postgresql = median(each.each(each.cpu.postgresql) for each in side)
    return f"{application:.0f} + {postgresql:.0f}"


def _cost(each: Measurement) -> float:
    return each.each(each.cpu.application) + each.each(each.cpu.postgresql)


if __name__ == "__main__":
    sys.exit(main())
