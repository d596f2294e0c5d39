"""python -m tools.mutants [--area decision ...] [--jobs 2] [--all] [--full]

Breaks one promise of the code at a time, in a copy of it, and runs the test that must notice.
Names each mutant that survives. Exit status 1 if fewer than 97 % are killed. Mutants whose test
starts a server or another program are played with --all.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from tools.errors import LauncherError
from tools.mutants.patches import areas, load
from tools.mutants.run import ROOT, Result, Run, Verdict
from tools.terminal import complain, say

LEAST_KILLED = 0.97
SUITE = ("-x", "-n", "2", "--ignore", "tests/benchmarks", "tests")


def main() -> int:
    """The command line."""
    options = parse(sys.argv[1:])
    from tests import database

    try:
        database.start()
        suite = SUITE if options.full else ()
        patches = load(options.area, system=options.all)
        return report(Run(jobs=options.jobs, suite=suite).play(patches))
    except LauncherError as error:
        complain(str(error))
        return 1
    finally:
        database.stop()


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutants")
    parser.add_argument("--area", choices=areas(), nargs="+", default=())
    parser.add_argument("--jobs", type=int, default=2, help="mutants at once (%(default)s)")
    parser.add_argument("--all", action="store_true", help="also those that need a server")
    parser.add_argument("--full", action="store_true", help="survivors meet the whole suite")
    return parser.parse_args(arguments)


def report(results: Sequence[Result]) -> int:
    """Print the summary; return the exit status."""
    killed = sum(one.verdict is Verdict.KILLED for one in results)
    share = killed / len(results)
    say(f"mutants: {killed} of {len(results)} killed ({share:.1%})")
    return 0 if share >= LEAST_KILLED else 1


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
