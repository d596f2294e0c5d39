"""The measurements: each load on A, B, B and A, so that a machine that slows down or speeds up
favours neither."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from benchmarks.compare.sites import Site
from benchmarks.loads import Loads, Pace
from benchmarks.measurement import Measurement, quotient

LOADS: Mapping[str, Callable[[Loads], Measurement]] = {
    "R": Loads.page,
    "W": Loads.orders,
    "H": lambda loads: loads.orders(hot=True),
}


@dataclass(frozen=True, slots=True)
class Pair:
    """A measurement of each commit; one followed the other."""

    a: Measurement
    b: Measurement


Asked = TypeVar("Asked")
Turn = Sequence[tuple[str, Measurement]]
"""A, B, B and A, each with what was measured."""

Pairs = Mapping[str, Sequence[Pair]]
"""All pairs of all rounds, by the name of the load."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some ratios, the least and the largest."""

    middle: float
    least: float
    most: float

    @property
    def tells(self) -> bool:
        """Whether all say the same: more, or less."""
        return self.least > 1 or self.most < 1


def measure(a: Site, b: Site, pace: Pace, answers: Callable[[str], None]) -> Pairs:
    """Measures all rounds. Calls `answers` with a line for each measurement that counts."""
    asked = {"A": Loads(a, pace), "B": Loads(b, pace)}
    for loads in asked.values():
        loads.page()
    found: dict[str, list[Pair]] = {name: [] for name in LOADS}
    for number in range(1, pace.rounds + 1):
        for name, load in LOADS.items():
            taken = turn(load, asked)
            found[name] += pairs_of(taken)
            for letter, one in taken:
                place, wrong = f"{number}/{pace.rounds}", one.failure.partition("\n")[0]
                answers(f"  {place} {name:<5}{letter}{one.rate:>9.0f}/s  {wrong}".rstrip())
    return found


def turn(load: Callable[[Asked], Measurement], asked: Mapping[str, Asked]) -> Turn:
    """One load on A, B, B and A."""
    return [(letter, load(asked[letter])) for letter in "ABBA"]


def pairs_of(taken: Turn) -> list[Pair]:
    """What followed each other: A and B, B and A."""
    (_, first), (_, second), (_, third), (_, fourth) = taken
    return [Pair(first, second), Pair(fourth, third)]


def rates(pairs: Sequence[Pair]) -> Spread:
    """B's rate as a share of A's."""
    return spread([quotient(pair.b.rate, pair.a.rate) for pair in pairs])


def costs(pairs: Sequence[Pair]) -> Spread:
    """The CPU of B's application and PostgreSQL together, a request, as a share of A's."""
    return spread([quotient(_cost(pair.b), _cost(pair.a)) for pair in pairs])


def spread(ratios: Sequence[float]) -> Spread:
    """What they say together."""
    return Spread(median(ratios), min(ratios), max(ratios))


def _cost(one: Measurement) -> float:
    return one.each(one.cpu.application) + one.each(one.cpu.postgresql)
