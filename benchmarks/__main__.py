"""python -m benchmarks [--quick] [--rounds N] [--seconds S] [--data DIR]"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import books, footprint, operations, report
from benchmarks.command import kept_as, measuring
from benchmarks.course import PGBENCH, PGBENCH_CLIENTS, Course, measured
from benchmarks.installation import Amount, Installation, durability, install
from benchmarks.loads import CUSTOMERS, LOG_INS, READERS, WRITERS, Pace
from benchmarks.machine import describe
from benchmarks.report import Report
from benchmarks.servers import Size
from benchmarks.verdict import judge
from tools.run.settings import from_environment
from tools.terminal import complain, say

FULL = Pace(rounds=3, warm_up=0.6, seconds=2.0)
QUICK = Pace(rounds=1, warm_up=0.4, seconds=1.0)
LONGEST = 300.0
"""Seconds until the last round ends, on a machine that is slow or busy; what is measured once
(half a minute) and the audit follow."""


def main() -> int:
    """0 when every floor holds, 1 when one is missed, 2 when nothing could be measured."""
    options = parse()
    began = time.monotonic()
    if not Path("/proc/self/stat").exists():
        complain("CPU time and memory are read from /proc: this needs Linux.")
        return 2
    with measuring("bench", options.data) as folder:
        found = measure(folder, options, pace_of(options, began))
    say(report.text(found))
    say(f"Kept as {keep(found)} after {time.monotonic() - began:.0f} s.")
    return 1 if found.verdict.failed else 0


def parse() -> argparse.Namespace:
    """Read the command line; WORKERS and THREADS of the environment count too."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round: about a minute")
    parser.add_argument("--rounds", type=int, help="how often everything is measured")
    parser.add_argument("--seconds", type=float, help="how long each time")
    parser.add_argument("--data", type=Path, help="where the database goes for the time")
    return parser.parse_args()


def pace_of(options: argparse.Namespace, began: float) -> Pace:
    """Returns the pace that the options set, with defaults for the rest."""
    usual = QUICK if options.quick else FULL
    seconds = options.seconds or usual.seconds
    if options.rounds:
        return Pace(options.rounds, usual.warm_up, seconds)
    return Pace(usual.rounds, usual.warm_up, seconds, until=began + LONGEST)


def measure(folder: Path, options: argparse.Namespace, pace: Pace) -> Report:
    """Sets everything up in `folder`, measures, audits the books. Raises LauncherError."""
    settings = from_environment(os.environ)
    size = Size(settings.workers, settings.threads)
    amount = Amount(customers=50, orders=2_000) if options.quick else Amount()
    with install(folder, size, amount) as installation:
        start = footprint.start(folder, installation.environment, size)
        results = Course(installation, pace).run()
        memory = footprint.peaks(installation)
        over_http = measured(results, results.keys() - PGBENCH)
        audited = books.audit(installation, over_http, measured(results, PGBENCH))
        return Report(
            machine=describe(folder),
            setup=setup(installation, size, pace, amount) | {"rounds": len(results["L"])},
            results=results,
            verdict=judge(results, audited),
            start=start,
            memory=memory,
            costs=operations.measure(installation),
        )


def setup(installation: Installation, size: Size, pace: Pace, amount: Amount) -> dict[str, Any]:
    """How it was measured."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "workers": size.workers,
        "threads": size.threads,
        "connections": f"{READERS} that read, {WRITERS} that order (as they are due: {CUSTOMERS}), "
        f"{LOG_INS} that log in, where nothing else is said",
        "pgbench_clients": PGBENCH_CLIENTS,
        "seconds": f"{pace.seconds} after {pace.warm_up} of warm-up",
        "products": amount.products,
        "customers": amount.customers,
        "earlier_orders": installation.filled,
        **durability(installation.cluster),
    }


def keep(found: Report) -> Path:
    """Writes the JSON; returns its path."""
    name = kept_as().with_suffix(".json")
    name.write_text(json.dumps(report.as_json(found), indent=1))
    return name.relative_to(Path.cwd())


if __name__ == "__main__":
    sys.exit(main())
