"""What one measurement found, and what several say together."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from benchmarks import processes


@dataclass(frozen=True, slots=True)
class Cpu:
    """Seconds of CPU: the application's, PostgreSQL's, the load generator's, all others'."""

    application: float
    postgresql: float
    generator: float
    others: float


@dataclass(frozen=True, slots=True)
class Measurement:
    """One kind of load for some seconds.

    `latencies` (seconds, ascending) are of the requests that ended in the counted time; `sent`,
    `orders` and `units` count the warm-up too: every request that was answered as it should be,
    those of them that placed an order, and what they ordered. `failure` is the first wrong answer.
    `refusals` are as `latencies`, of answers that a load counts by themselves. `due`: requests a
    second that were to be sent; NaN where it was as many as were answered.
    """

    seconds: float
    latencies: Sequence[float]
    cpu: Cpu
    sent: int
    units: int = 0
    failure: str = ""
    orders: int = 0
    refusals: Sequence[float] = ()
    due: float = math.nan

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.latencies) / self.seconds

    def latency(self, share: float) -> float:
        """Seconds within which this share of the requests was answered; NaN without any."""
        return percentile(self.latencies, share)

    def each(self, spent: float) -> float:
        """Microseconds a request, of some seconds spent; NaN without requests."""
        return spent / len(self.latencies) * 1e6 if self.latencies else math.nan


class Cost(NamedTuple):
    """The CPU of a request in µs: of the application and of PostgreSQL."""

    operation: str
    application: float
    postgresql: float

    @property
    def both(self) -> float:
        """The sum."""
        return self.application + self.postgresql


def percentile(ascending: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: the smallest value that `share` of the values do not exceed."""
    if not ascending:
        return math.nan
    return ascending[max(0, math.ceil(share * len(ascending)) - 1)]


@dataclass(frozen=True, slots=True)
class Summary:
    """The medians over the rounds. Rates a second, latencies in ms, CPU in µs a request.

    `others` is the share of this machine's CPU that went to processes which have no part in it,
    `kept_up` the share that was answered of what was due; NaN where nothing was.
    """

    rate: float
    p50: float
    p99: float
    application: float
    postgresql: float
    generator: float
    others: float
    kept_up: float

    @property
    def cost(self) -> float:
        """CPU of all who have a part in it, in µs a request."""
        return self.application + self.postgresql + self.generator


def summary(rounds: Sequence[Measurement], *, cores: int) -> Summary:
    """The medians of one kind of load."""
    return Summary(
        rate=median(one.rate for one in rounds),
        p50=median(one.latency(0.50) * 1000 for one in rounds),
        p99=median(one.latency(0.99) * 1000 for one in rounds),
        application=median(one.each(one.cpu.application) for one in rounds),
        postgresql=median(one.each(one.cpu.postgresql) for one in rounds),
        generator=median(one.each(one.cpu.generator) for one in rounds),
        others=median(one.cpu.others / one.seconds / cores for one in rounds),
        kept_up=median(one.rate / one.due for one in rounds),
    )


def ratio(measured: Sequence[Measurement], limit: Sequence[Measurement]) -> float:
    """How fast one load is beside another; NaN when the other stood still.

    Loads that were measured equally often followed each other within seconds, each time: what
    else the machine did weighed on both, and the median of the pairs' ratios stays where the rates
    do not. Otherwise it is the ratio of the medians.
    """
    if len(measured) == len(limit):
        pairs = zip(measured, limit, strict=True)
        return median(quotient(one.rate, other.rate) for one, other in pairs)
    return quotient(median(one.rate for one in measured), median(one.rate for one in limit))


def cost_ratio(measured: Summary, limit: Summary) -> float:
    """What the limit costs beside the load, in CPU: 0.5 for a load that costs twice as much.

    It is the ratio of rates on a machine whose cores are all busy with nothing else; other
    processes hardly move it. Where the disk is what is waited for it says nothing about rates.
    """
    return quotient(limit.cost, measured.cost)


def quotient(rate: float, limit: float) -> float:
    """A rate as a share of another; NaN when that is nothing."""
    return rate / limit if limit else math.nan


@dataclass(frozen=True, slots=True)
class Meter:
    """Reads the CPU time of the application's and PostgreSQL's processes.

    Process ids of the roots of their trees; without an application (pgbench) None.
    """

    postgresql: int
    application: int | None = None

    def spent(self) -> tuple[float, float, float]:
        """Seconds so far: the application's, PostgreSQL's, the whole machine's."""
        application = processes.cpu_seconds(self.application) if self.application else 0.0
        postgresql = processes.cpu_seconds(self.postgresql)
        return application, postgresql, processes.machine_busy_seconds()


@dataclass(frozen=True, slots=True)
class Usage:
    """Seconds of CPU in a window of time: the application, PostgreSQL, the whole machine."""

    application: float
    postgresql: float
    machine: float

    def with_generator(self, generator: float) -> Cpu:
        """The shares, once the load generator's is known."""
        known = self.application + self.postgresql + generator
        return Cpu(self.application, self.postgresql, generator, max(0.0, self.machine - known))


def watch(meter: Meter, begin: float, seconds: float) -> Usage:
    """Waits for the moment `begin` (time.monotonic) and says what was spent from then on."""
    time.sleep(max(0.0, begin - time.monotonic()))
    before = meter.spent()
    time.sleep(max(0.0, begin + seconds - time.monotonic()))
    return Usage(*(late - early for early, late in zip(before, meter.spent(), strict=True)))
