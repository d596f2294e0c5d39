"""python -m benchmarks.overload [--connections 1500] [--seconds 15] [--rounds 2] [--data DIR]"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import books
from benchmarks.command import kept_as, measuring
from benchmarks.installation import Amount, durability, install
from benchmarks.loads import Pace
from benchmarks.machine import describe
from benchmarks.overload.course import USUAL, Course, Found
from benchmarks.overload.verdict import BACK_WITHIN, LEAST_RATE, LONGEST, Verdict, judge
from benchmarks.servers import Size
from tools.run.settings import from_environment
from tools.terminal import say

MOST_CONNECTIONS, MOST_SECONDS = 4_000, 60.0
MEBIBYTE = 1 << 20


def main() -> int:
    """0 when every bar holds, 1 when one is missed, 2 when nothing could be measured."""
    options = parse()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with measuring("overload", options.data) as folder:
        answers = measure(folder, options)
    say(f"Kept as {keep(answers)}.")
    return 1 if answers["missed"] else 0


def parse() -> argparse.Namespace:
    """Read the command line; WORKERS and THREADS of the environment count too."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overload", description=__doc__)
    parser.add_argument("--connections", type=int, default=1_500, help="at most 4,000")
    parser.add_argument("--seconds", type=float, default=15.0, help="of the rush, at most 60")
    parser.add_argument("--rounds", type=int, default=2, help="of looking for the best rate")
    parser.add_argument("--data", type=Path, help="where the database goes for the time")
    options = parser.parse_args()
    if options.connections > MOST_CONNECTIONS or options.seconds > MOST_SECONDS:
        parser.error(f"at most {MOST_CONNECTIONS} connections and {MOST_SECONDS:.0f} seconds")
    return options


def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Sets everything up in `folder`, measures, audits the books, tells. Raises LauncherError."""
    settings = from_environment(os.environ)
    size = Size(settings.workers, settings.threads)
    pace = Pace(options.rounds, warm_up=0.6, seconds=2.4)
    with install(folder, size, Amount()) as installation:
        found = Course(installation, pace, options.connections, options.seconds).run()
        verdict = judge(found, books.audit(installation, found.measurements, []))
        say(text(found, verdict, options.connections))
        return {
            "missed": verdict.missed,
            "machine": asdict(describe(folder)),
            "setup": vars(options) | asdict(size) | durability(installation.cluster),
            "best": found.best,
            "calm": {count: [one.rate for one in all] for count, all in found.calm.items()},
            "after": [(one.seconds, one.measurement.rate) for one in found.after],
            "memory": found.memory,
            "verdict": asdict(verdict),
        }


def text(found: Found, verdict: Verdict, connections: int) -> str:
    """What the terminal shows at the end; a table in Markdown."""
    before, after = (size / MEBIBYTE for size in found.memory)
    back = "not at all" if verdict.back_after is None else f"{verdict.back_after:.1f} s"
    rows = [
        ("", f"{connections:,} connections", "bar"),
        ("---", "---:", "---:"),
        ("orders a second", f"{found.rush.rate:,.0f}", ""),
        (f"of the best ({found.best:,.0f})", f"{verdict.rate:.0%}", f"{LEAST_RATE:.0%}"),
        (
            "p50, p99 of placed orders",
            *_times(verdict.p50, verdict.p99),
            f"{LONGEST * 1000:.0f} ms",
        ),
        ("refused a second", f"{verdict.refused:,.0f}", ""),
        ("p99 of refusals", f"{verdict.refused_p99 * 1000:,.0f} ms", ""),
        (f"{USUAL} connections find it as before after", back, f"{BACK_WITHIN:.0f} s"),
        ("memory of the server before, after", f"{before:.0f}, {after:.0f} MiB", ""),
    ]
    lines = ["", *(f"| {' | '.join(row)} |" for row in rows), ""]
    balance = "THE BOOKS DO NOT BALANCE" if verdict.books.faults else "the books balance"
    lines.append(f"{verdict.books.placed:,} orders: {balance}.")
    return "\n".join([*lines, *(f"MISSED: {sentence}" for sentence in verdict.missed)])


def _times(p50: float, p99: float) -> tuple[str]:
    return (f"{p50 * 1000:,.0f}, {p99 * 1000:,.0f} ms",)


def keep(answers: dict[str, Any]) -> str:
    """Writes the JSON and returns its path."""
    path = kept_as("overload-").with_suffix(".json")
    path.write_text(json.dumps(answers, indent=1, default=str))
    return str(path.relative_to(Path.cwd()))


if __name__ == "__main__":
    sys.exit(main())
