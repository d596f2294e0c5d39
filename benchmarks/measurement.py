"""Measurements of loads, and what several say together."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

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
    """One kind of load for some seconds."""

    seconds: float
    latencies: Sequence[float]
    """Seconds, ascending, of the requests that ended in the counted time."""
    cpu: Cpu
    sent: int
    """Requests that were answered as they should be, those of the warm-up included."""
    units: int = 0
    """What they ordered."""
    failure: str = ""
    """The first wrong answer."""
    orders: int = 0
    """How many of `sent` placed an order."""
    refusals: Sequence[float] = ()
    """As `latencies`, of answers that a load counts by themselves."""

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


def percentile(ascending: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: the smallest value that `share` of the values do not exceed."""
    if not ascending:
        return math.nan
    return ascending[max(0, math.ceil(share * len(ascending)) - 1)]


@dataclass(frozen=True, slots=True)
class Summary:
    """The medians over the rounds. Rates a second, latencies in ms, CPU in µs a request.

    `others` is the share of this machine's CPU that went to processes which have no part in it.
    """

    rate: float
    p50: float
    p99: float
    application: float
    postgresql: float
    generator: float
    others: float

    @property
    def cost(self) -> float:
        """CPU of all who have a part in it, in µs a request."""
        return self.application + self.postgresql + self.generator


def summary(rounds: Sequence[Measurement], *, cores: int) -> Summary:
    """The medians of one kind of load."""
    return Summary(
        rate=median(each.rate for each in rounds),
        p50=median(each.latency(0.50) * 1000 for each in rounds),
        p99=median(each.latency(0.99) * 1000 for each in rounds),
        application=median(each.each(each.cpu.application) for each in rounds),
        postgresql=median(each.each(each.cpu.postgresql) for each in rounds),
        generator=median(each.each(each.cpu.generator) for each in rounds),
        others=median(each.cpu.others / each.seconds / cores for each in rounds),
    )


def ratio(measured: Sequence[Measurement], limit: Sequence[Measurement]) -> float:
    """How fast one load is beside another; NaN when the other stood still.

    Loads that were measured equally often followed each other within seconds, each time: what
    else the machine did weighed on both, and the median of the pairs' ratios stays where the rates
    do not. Otherwise it is the ratio of the medians.
    """
    if len(measured) == len(limit):
        pairs = zip(measured, limit, strict=True)
        return median(quotient(each.rate, other.rate) for each, other in pairs)
    rates = (median(each.rate for each in rounds) for rounds in (measured, limit))
    return quotient(*rates)


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
