"""The measuring: the best the server can do, the rush, and the seconds after it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean

from benchmarks import generator, processes
from benchmarks.generator import Load
from benchmarks.installation import Installation
from benchmarks.loads import Pace, postmaster
from benchmarks.measurement import Measurement, Meter
from benchmarks.traffic import Orders
from tools.terminal import say

COUNTS = (16, 32, 64, 128)
"""Numbers of connections among which the best rate is looked for, before and after the rush."""
USUAL = 64
REFUSED = 503
WINDOW = Pace(rounds=1, warm_up=0.0, seconds=1.0)
RECOVERY_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class After:
    """One second of USUAL connections: how many seconds after the rush it ended, what it found."""

    seconds: float
    measurement: Measurement


@dataclass(frozen=True, slots=True)
class Found:
    """What counts, and all `measurements`, which placed orders too. `memory`: bytes of the
    server's processes before the rush and after."""

    calm: Mapping[int, Sequence[Measurement]]
    rush: Measurement
    after: Sequence[After]
    memory: tuple[int, int]
    measurements: Sequence[Measurement]

    @property
    def best(self) -> float:
        """The most orders a second at any number of connections: before and after together, so
        that a machine that got slower or faster meanwhile favours neither."""
        return max(mean(one.rate for one in rounds) for rounds in self.calm.values())


class Course:
    """What is measured on one installation."""

    def __init__(self, on: Installation, pace: Pace, connections: int, seconds: float) -> None:
        self._on = on
        self._pace = pace
        self._rush = Pace(rounds=1, warm_up=2.0, seconds=seconds)
        self._connections = connections
        self._all: list[Measurement] = []

    def run(self) -> Found:
        """Everything, with a line on the terminal for each measurement."""
        self._orders(USUAL, self._pace)
        before = self._calm()
        memory = self._memory()
        rush = self._orders(self._connections, self._rush)
        self._say(f"{self._connections} connections", rush)
        after = self._recovery()
        grown = self._memory()
        late = self._calm()
        calm = {count: [*before[count], *late[count]] for count in COUNTS}
        return Found(calm, rush, after, (memory, grown), self._all)

    def _calm(self) -> dict[int, list[Measurement]]:
        found: dict[int, list[Measurement]] = {count: [] for count in COUNTS}
        for _ in range(self._pace.rounds):
            for count in COUNTS:
                found[count].append(self._orders(count, self._pace))
                self._say(f"{count} connections", found[count][-1])
        return found

    def _recovery(self) -> list[After]:
        began, found = time.monotonic(), list[After]()
        while time.monotonic() - began < RECOVERY_SECONDS:
            one = self._orders(USUAL, WINDOW)
            found.append(After(time.monotonic() - began, one))
            self._say(f"{found[-1].seconds:.1f} s after", one)
        return found

    def _orders(self, connections: int, pace: Pace) -> Measurement:
        tokens, products = self._on.sessions.tokens(), self._on.shop.products
        traffic = Orders(tokens, products, f"O{len(self._all)}")
        load = Load(self._on.larder.port, traffic, connections, pace.warm_up, pace.seconds)
        meter = Meter(postmaster(self._on.cluster), self._on.larder.pid)
        self._all.append(generator.measure(replace(load, refusal=REFUSED), meter))
        return self._all[-1]

    def _memory(self) -> int:
        return sum(processes.resident(pid) for pid in processes.tree(self._on.larder.pid))

    def _say(self, name: str, one: Measurement) -> None:
        times = f"{one.latency(0.5) * 1000:7.0f} {one.latency(0.99) * 1000:7.0f} ms"
        refused = len(one.refusals) / one.seconds
        say(
            f"  {name:<18}{one.rate:>7.0f}/s {times}  refused {refused:>6.0f}/s {one.failure[:200]}"
        )
