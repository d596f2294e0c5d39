"""More orders than the server can take: what it still places, how long that takes, and how soon it
is itself again. python -m benchmarks.overload [--connections 1500] [--seconds 15]"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

from benchmarks import books, processes
from benchmarks.command import keep, measuring, parser
from benchmarks.installation import Amount, Installation, durability, install
from benchmarks.loads import CONNECTIONS, Loads, Pace
from benchmarks.measurement import Measurement
from benchmarks.report import aligned
from larder.local.terminal import say

COUNTS = (16, 32, 64, 128)
"""Numbers of connections among which the best rate is looked for, before and after the rush."""
REFUSED = 503
MOST_CONNECTIONS, MOST_SECONDS = 4_000, 60.0
RECOVERY_SECONDS = 8.0
LEAST_RATE = 0.9
"""Of the best rate."""
MOST_TIMES = 1.3
"""What the p99 may be of the time that as many connections must wait at that rate."""
BACK_WITHIN = 3.0
"""Seconds after which CONNECTIONS find the server as it was, but for AS_BEFORE."""
AS_BEFORE = 0.2


@dataclass
class Rush:
    """All measurements: `calm` before and after, the rush, and each second after it."""

    calm: dict[int, list[Measurement]]
    rush: Measurement
    after: list[tuple[float, Measurement]]

    @property
    def best(self) -> float:
        """The most orders a second at any number of connections."""
        return max(mean(each.rate for each in rounds) for rounds in self.calm.values())

    @property
    def all(self) -> list[Measurement]:
        """Every measurement; each placed orders."""
        calm = [each for rounds in self.calm.values() for each in rounds]
        return [*calm, self.rush, *(measurement for _, measurement in self.after)]

    @property
    def back_after(self) -> float | None:
        """Seconds until a second of CONNECTIONS was first as before; None if none was."""
        usual = self.calm[CONNECTIONS]
        rate = median(each.rate for each in usual) * (1 - AS_BEFORE)
        p50 = median(each.latency(0.5) for each in usual) * (1 + AS_BEFORE)
        for seconds, each in self.after:
            if each.rate >= rate and each.latency(0.5) <= p50 and not each.refusals:
                return seconds
        return None


def main() -> int:
    """0 when every bar holds, 1 when one is missed, 2 when nothing could be measured."""
    options = parser("bench/overload")
    options.add_argument("--connections", type=int, default=1_500, help="at most 4,000")
    options.set_defaults(seconds=15.0, rounds=2)
    chosen = options.parse_args()
    if chosen.connections > MOST_CONNECTIONS or chosen.seconds > MOST_SECONDS:
        options.error(f"at most {MOST_CONNECTIONS} connections and {MOST_SECONDS:.0f} seconds")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with measuring("overload", chosen.data) as folder:
        return measure(folder, chosen)


def measure(folder: Path, options: argparse.Namespace) -> int:
    """Sets everything up in `folder`, measures, audits the books, tells. Raises LauncherError."""
    with install(folder, Amount()) as installation:
        before = memory(installation)
        rush = run(installation, options)
        rows = [("", f"{options.connections:,} connections", "bar", ""), *judged(rush, options)]
        faults = [each.failure for each in rush.all if each.failure]
        faults += books.faults(installation, rush.all)
        say("\n".join(["", *aligned(rows), *faults]))
        say(f"Server: {before >> 20} MiB before, {memory(installation) >> 20} MiB after.")
        kept = {"setup": vars(options) | durability(installation.cluster), "rows": rows}
        say(f"Kept as {keep('overload-', kept | {'faults': faults})}.")
        return int(bool(faults) or any("MISSED" in row for row in rows))


def run(installation: Installation, options: argparse.Namespace) -> Rush:
    """Looks for the best rate, lets the connections rush, and watches the seconds after it."""
    calm: dict[int, list[Measurement]] = {count: [] for count in COUNTS}
    loads = Loads(installation, Pace(1, 0.6, 2.4))
    look_for_best(loads, calm, options.rounds)
    rushing = Loads(installation, Pace(1, 2.0, options.seconds), "R")
    rush = rushing.orders(options.connections, refusal=REFUSED)
    tell(f"{options.connections} connections", rush)
    after, began = list[tuple[float, Measurement]](), time.monotonic()
    seconds = Loads(installation, Pace(1, 0.0, 1.0), "S")
    while time.monotonic() - began < RECOVERY_SECONDS:
        measurement = seconds.orders(CONNECTIONS, refusal=REFUSED)
        after.append((time.monotonic() - began, measurement))
        tell(f"{after[-1][0]:.1f} s after", measurement)
    look_for_best(loads, calm, options.rounds)
    return Rush(calm, rush, after)


def look_for_best(loads: Loads, calm: dict[int, list[Measurement]], rounds: int) -> None:
    """Measures each number of connections, in rounds."""
    for _ in range(rounds):
        for count in COUNTS:
            calm[count].append(loads.orders(count, refusal=REFUSED))
            tell(f"{count} connections", calm[count][-1])


def judged(rush: Rush, options: argparse.Namespace) -> Sequence[tuple[str, ...]]:
    """The rows of the report: figure, bar, whether it is met."""
    rate, p99, back = rush.rush.rate / rush.best, rush.rush.latency(0.99), rush.back_after
    most = MOST_TIMES * options.connections / rush.rush.rate if rush.rush.rate else 0.0
    shown = "never" if back is None else f"{back:.1f} s"
    held = (rate >= LEAST_RATE, p99 <= most, back is not None and back <= BACK_WITHIN)
    met = ["met" if each else "MISSED" for each in held]
    refused = len(rush.rush.refusals) / rush.rush.seconds
    return (
        ("orders a second", f"{rush.rush.rate:,.0f}", "", ""),
        (f"of the best ({rush.best:,.0f})", f"{rate:.0%}", f"≥ {LEAST_RATE:.0%}", met[0]),
        ("p50", f"{rush.rush.latency(0.5) * 1000:,.0f} ms", "", ""),
        ("p99", f"{p99 * 1000:,.0f} ms", f"≤ {most * 1000:,.0f} ms", met[1]),
        ("refused a second", f"{refused:,.0f}", "", ""),
        ("as before after", shown, f"≤ {BACK_WITHIN:.0f} s", met[2]),
    )


def memory(installation: Installation) -> int:
    """Bytes of the server's processes in memory."""
    return sum(map(processes.resident, processes.tree(installation.larder.pid)))


def tell(name: str, measurement: Measurement) -> None:
    """Says a line for a measurement."""
    p50, p99 = (measurement.latency(share) * 1000 for share in (0.5, 0.99))
    refused = len(measurement.refusals) / measurement.seconds
    say(
        f"  {name:<18}{measurement.rate:>7.0f}/s {p50:7.0f} {p99:7.0f} ms  refused"
        f" {refused:>6.0f}/s {measurement.failure[:200]}"
    )


if __name__ == "__main__":
    sys.exit(main())
