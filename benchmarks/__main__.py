"""python -m benchmarks [--quick] [--rounds N] [--seconds S] [--data DIR]"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import books, plot, processes, report
from benchmarks.course import (
    LOG_INS,
    ORDERING,
    PGBENCH,
    PGBENCH_CLIENTS,
    READERS,
    WRITERS,
    Course,
    Pace,
    measured,
)
from benchmarks.installation import Amount, Installation, durability, install
from benchmarks.machine import describe
from benchmarks.report import Memory, Report
from benchmarks.servers import Size
from benchmarks.verdict import judge
from tools.errors import LauncherError
from tools.run.settings import from_environment
from tools.terminal import complain, say

RESULTS = Path(__file__).with_name("results")
FULL = Pace(rounds=3, warm_up=0.7, seconds=2.3)
QUICK = Pace(rounds=1, warm_up=0.5, seconds=1.5)


def main() -> int:
    """0 when every floor holds, 1 when one is missed, 2 when nothing could be measured."""
    options = parse()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda signum, _: sys.exit(128 + signum))
    began = time.monotonic()
    if not Path("/proc/self/stat").exists():
        complain("CPU time and memory are read from /proc: this needs Linux.")
        return 2
    try:
        with tempfile.TemporaryDirectory(prefix="larder-bench-", dir=options.data) as folder:
            found = measure(Path(folder), options)
    except (LauncherError, OSError) as error:
        complain(f"Not measured: {error}")
        return 2
    say(report.text(found))
    say(f"Kept as {keep(found)}.* after {time.monotonic() - began:.0f} s.")
    return 1 if found.verdict.missed else 0


def parse() -> argparse.Namespace:
    """Read the command line; WORKERS and THREADS of the environment count too."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round: about 45 s")
    parser.add_argument("--rounds", type=int, help="how often everything is measured")
    parser.add_argument("--seconds", type=float, help="how long each time")
    parser.add_argument("--data", type=Path, help="where the database goes for the time")
    return parser.parse_args()


def pace_of(options: argparse.Namespace) -> Pace:
    """What was asked for, and the defaults for the rest."""
    usual = QUICK if options.quick else FULL
    return Pace(options.rounds or usual.rounds, usual.warm_up, options.seconds or usual.seconds)


def measure(folder: Path, options: argparse.Namespace) -> Report:
    """Sets everything up in `folder`, measures, audits the books. Raises LauncherError."""
    settings = from_environment(os.environ)
    size, pace = Size(settings.workers, settings.threads), pace_of(options)
    amount = Amount(customers=50, orders=2_000) if options.quick else Amount()
    with install(folder, size, amount) as installation:
        course = Course(installation, pace)
        results = course.run()
        memory = peaks(installation)
        audited = books.audit(installation, measured(results, ORDERING), measured(results, PGBENCH))
        return Report(
            machine=describe(folder),
            setup=setup(installation, size, pace, amount),
            steps=course.steps,
            results=results,
            verdict=judge(results, audited),
            memory=memory,
        )


def peaks(installation: Installation) -> Memory:
    """What the server and PostgreSQL took at most until now."""
    return Memory(
        application=processes.peak_memory(installation.larder.pid),
        postgresql=processes.peak_memory(installation.cluster.pid or 0),
    )


def setup(installation: Installation, size: Size, pace: Pace, amount: Amount) -> dict[str, Any]:
    """How it was measured."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "workers": size.workers,
        "threads": size.threads,
        "connections": f"{READERS} for lists, {WRITERS} for orders, {LOG_INS} for log-ins",
        "pgbench_clients": PGBENCH_CLIENTS,
        "rounds": pace.rounds,
        "seconds": f"{pace.seconds} after {pace.warm_up} of warm-up",
        "products": amount.products,
        "customers": amount.customers,
        "earlier_orders": installation.filled,
        **durability(installation.cluster),
    }


def keep(found: Report) -> Path:
    """Writes the table, the plot and the JSON; returns their path without the ending."""
    RESULTS.mkdir(exist_ok=True)
    name = RESULTS / datetime.now(UTC).strftime("%Y-%m-%d-%H%M%S")
    rates = {step: one.rate for step, one in found.summaries().items()}
    name.with_suffix(".svg").write_text(plot.svg(rates, found.verdict.ratios))
    name.with_suffix(".md").write_text(report.markdown(found, f"{name.name}.svg"))
    name.with_suffix(".json").write_text(json.dumps(report.as_json(found), indent=1))
    return name.relative_to(Path.cwd())


if __name__ == "__main__":
    sys.exit(main())
