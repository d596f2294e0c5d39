"""python -m benchmarks [--quick] [--rounds N] [--seconds S] [--data DIR]"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import books, loads, operations, processes, report
from benchmarks.command import keep, measuring, pace_of, parser
from benchmarks.installation import SMALL, Amount, Installation, durability, install
from benchmarks.loads import Pace
from benchmarks.machine import describe
from benchmarks.report import Report
from larder.local.terminal import say
from tools.processes import postmaster


def main() -> int:
    """0 when every answer was right and every unit is there, 1 when not, 2 when nothing could be
    measured."""
    options = parser("bench").parse_args()
    with measuring("bench", options.data) as folder:
        measured = measure(folder, options)
    say(report.text(measured))
    say(f"Kept as {keep('', report.as_json(measured))}.")
    return int(bool(measured.faults))


def measure(folder: Path, options: argparse.Namespace) -> Report:
    """Sets everything up in `folder`, measures, audits the books. Raises LauncherError."""
    pace, amount = pace_of(options), SMALL if options.quick else Amount()
    with install(folder, amount) as installation:
        results = loads.measure(installation, pace)
        memory = (
            processes.peak_memory(installation.larder.pid),
            processes.peak_memory(postmaster(installation.cluster)),
        )
        over_http = [each for name in results.keys() - {"pgbench W"} for each in results[name]]
        faults = books.faults(installation, over_http, results["pgbench W"])
        return Report(
            machine=describe(folder),
            setup=setup(installation, pace, amount),
            results=results,
            memory=memory,
            costs=list(operations.Operations(installation).costs()),
            faults=[*loads.failures(results), *faults],
        )


def setup(installation: Installation, pace: Pace, amount: Amount) -> dict[str, Any]:
    """How it was measured."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "connections": loads.CONNECTIONS,
        "pgbench_clients": loads.PGBENCH_CLIENTS,
        "rounds": pace.rounds,
        "seconds": f"{pace.seconds} after {pace.warm_up} of warm-up",
        "products": amount.products,
        "customers": amount.customers,
        "earlier_orders": installation.filled,
        **durability(installation.cluster),
    }


if __name__ == "__main__":
    sys.exit(main())
