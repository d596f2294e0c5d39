"""python -m benchmarks.compare A B [--quick] [--rounds N] [--seconds S] [--data DIR]"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks import books
from benchmarks.command import kept_as, measuring
from benchmarks.compare import course, table
from benchmarks.compare.commits import Commit, check_out, find
from benchmarks.compare.course import Pairs
from benchmarks.compare.sites import Site, open_site
from benchmarks.installation import Amount
from benchmarks.loads import Pace
from benchmarks.verdict import wrong
from tools.terminal import complain, say, step

FULL = Pace(rounds=3, warm_up=0.6, seconds=2.0)
QUICK = Pace(rounds=1, warm_up=0.4, seconds=1.0)
SMALL = Amount(customers=50, orders=2_000)


def main() -> int:
    """0 when both were measured, 1 when one answered wrongly, 2 when nothing could be measured."""
    options = parse()
    with measuring("compare", options.data) as folder:
        a, b = find(options.a), find(options.b)
        pairs, wrong = measure([a, b], folder, options)
    page = table.page(a, b, pairs)
    say(f"\n{page}")
    for sentence in wrong:
        complain(f"None of this counts: {sentence}")
    if wrong:
        return 1
    kept = kept_as("compare-").with_suffix(".md")
    kept.write_text(page)
    say(f"Kept as {kept}.")
    return 0


def parse() -> argparse.Namespace:
    """Read the command line; WORKERS, THREADS and DB_POOL_SIZE of the environment count too."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument("a", metavar="A", help="a commit; . for the files as they are now")
    parser.add_argument("b", metavar="B", help="another, or the same: then only chance differs")
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--rounds", type=int, help="how often everything is measured")
    parser.add_argument("--seconds", type=float, help="how long each time")
    parser.add_argument("--data", type=Path, help="where code and databases go for the time")
    return parser.parse_args()


def measure(
    commits: Sequence[Commit], folder: Path, options: argparse.Namespace
) -> tuple[Pairs, list[str]]:
    """Both commits side by side, and what was wrong with their answers or books."""
    usual = QUICK if options.quick else FULL
    pace = Pace(options.rounds or usual.rounds, usual.warm_up, options.seconds or usual.seconds)
    with ExitStack() as stack:
        sites = []
        for letter, commit in zip("AB", commits, strict=True):
            with step(f"{letter} ready: {commit.name}"):
                own = folder / letter
                own.mkdir()
                amount = SMALL if options.quick else Amount()
                site = open_site(own, check_out(commit, own), amount)
                sites.append(stack.enter_context(site))
        pairs = course.measure(sites[0], sites[1], pace, say)
        return pairs, [*failures(pairs), *imbalances(sites, pairs)]


def failures(pairs: Pairs) -> list[str]:
    """The wrong answers."""
    answers = [
        wrong(f"{name} of {letter}", taken)
        for name, some in pairs.items()
        for letter, taken in (("A", [one.a for one in some]), ("B", [one.b for one in some]))
    ]
    return [one for one in answers if one]


def imbalances(sites: Sequence[Site], pairs: Pairs) -> list[str]:
    """What is in the tables and was not acknowledged, or the other way round."""
    every = [pair for some in pairs.values() for pair in some]
    taken = [pair.a for pair in every], [pair.b for pair in every]
    return [
        f"{letter}: {fault}"
        for letter, site, orders in zip("AB", sites, taken, strict=True)
        for fault in books.audit(site, orders, []).faults
    ]


if __name__ == "__main__":
    sys.exit(main())
