"""Tries schedules of a scenario: all that differ, or as many random ones as there are seeds.

After each schedule the books must agree, and what happened must be what some serial order of the
sessions does too: one session after the other, with the expiry anywhere between them.

Schedules that only swap steps whose order does not matter are the same. They are left out by sleep
sets (Godefroid, "Partial-Order Methods for the Verification of Concurrent Systems", 1996).
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from random import Random

import psycopg

from tests.system.interleavings.books import faults
from tests.system.interleavings.scheduler import (
    CLOCK,
    CLOCK_READ,
    PASS,
    Choose,
    Effect,
    Scheduler,
    Step,
    Stuck,
    described,
    matters,
)


@dataclass(frozen=True, slots=True)
class Play:
    """A shop that is arranged for one run. `calls` are the sessions by name, one letter each.
    `tick` lets the holds expire; None if they have. `settle` runs after all sessions. `outcome` is
    what can be seen then, given the answers."""

    calls: Mapping[str, Callable[[], object]]
    products: Sequence[int]
    tick: Callable[[], None] | None
    settle: Callable[[], object]
    outcome: Callable[[Mapping[str, object]], object]


Arrange = Callable[[], Play]


class Failed(AssertionError):
    """A schedule shows a fault. The text of `schedule` replays it."""

    def __init__(self, name: str, schedule: str, why: object, taken: str) -> None:
        super().__init__(
            f"{why}\nscenario {name}, schedule {schedule}\n"
            f'SCHEDULE="{name} {schedule}" repeats it (CONTRIBUTING.md, Interleavings)\n{taken}'
        )
        self.schedule = schedule


class _Pruned(Exception):
    """The rest of this schedule was tried in another order."""


@dataclass(slots=True)
class _Node:
    """A decision: the next steps, those that are to be tried, and those that were."""

    steps: Mapping[str, Step]
    trying: Sequence[str]
    sleeping: set[str]
    tried: list[str] = field(default_factory=list)

    def untried(self) -> list[str]:
        """The sessions that are still to be chosen here."""
        done = self.sleeping.union(self.tried)
        return [name for name in self.trying if name not in done]

    def child_sleeps(self) -> set[str]:
        """The sessions that the next decision need not try: those that were tried here, unless the
        order of their step and the chosen one matters."""
        *before, chosen = self.tried
        others = self.sleeping.union(before)
        effects = self.steps[chosen].effects
        return {name for name in others if not matters(self.steps[name].effects, effects)}


@dataclass(slots=True)
class Explorer:
    """Runs a scenario again and again."""

    name: str
    arrange: Arrange
    watch: psycopg.Connection[tuple[int, list[int]]]
    serial: dict[str, object] = field(default_factory=dict)
    seen: dict[str, set[Effect]] = field(default_factory=lambda: defaultdict(set))
    runs: int = 0
    pruned: int = 0

    def replay(self, schedule: str) -> None:
        """Runs one schedule, and after its end whichever session can go on. Raises Failed."""
        self.learn()
        rest = iter(schedule)
        self._run(lambda steps: next((name for name in rest if name in steps), min(steps)))

    def all_schedules(self) -> None:
        """Runs all schedules that differ. Raises Failed at the first one that shows a fault.

        Begins again if a session did something that it had not done in any schedule before.
        """
        self.learn()
        known = 0
        while known < (known := sum(map(len, self.seen.values()))):
            self._search()

    def _search(self) -> None:
        nodes: list[_Node] = []
        depth = 0

        def choose(steps: Mapping[str, Step]) -> str:
            nonlocal depth
            depth += 1
            if depth > len(nodes):
                sleeping = nodes[-1].child_sleeps() & set(steps) if nodes else set[str]()
                nodes.append(_Node(steps, self._to_try(steps), sleeping))
                if not nodes[-1].untried():
                    raise _Pruned
                nodes[-1].tried.append(nodes[-1].untried()[0])
            same = {name: step.seam for name, step in steps.items()}
            there = {name: step.seam for name, step in nodes[depth - 1].steps.items()}
            assert same == there, f"{self.name} is not repeatable: {same}, before {there}"
            return nodes[depth - 1].tried[-1]

        while True:
            depth = 0
            try:
                self._run(choose)
            except _Pruned:
                self.pruned += 1
            while nodes and not nodes[-1].untried():
                nodes.pop()
            if not nodes:
                return
            nodes[-1].tried.append(nodes[-1].untried()[0])

    def _to_try(self, steps: Mapping[str, Step]) -> Sequence[str]:
        """Returns a single session if its step cannot matter to what others do later. The time need
        not pass unless a step follows that reads the clock."""
        for name, step in steps.items():
            others = [other for other in self.seen if other != name]
            is_later = CLOCK in steps and matters(step.effects, PASS.effects)
            if name != CLOCK and not (
                is_later or any(matters(step.effects, self.seen[other]) for other in others)
            ):
                return [name]
        reads = any(Effect(CLOCK_READ) in step.effects for step in steps.values())
        return [name for name in steps if name != CLOCK or reads]

    def random_schedules(self, seeds: Sequence[int]) -> None:
        """Runs a random schedule for each seed. Raises Failed."""
        self.learn()
        for seed in seeds:
            self._run(_at_random(Random(seed)))  # noqa: S311 - no secret

    def learn(self) -> None:
        """Runs the serial schedules, if that was not done: their outcomes are the right ones."""
        if not self.serial:
            for order in _serial_orders(sorted(self.arrange().calls)):
                self._run(_in_turn(order), is_serial=True)

    def _run(self, choose: Choose, *, is_serial: bool = False) -> None:
        play = self.arrange()
        scheduler = Scheduler(play.calls, self.watch, play.tick)
        why: list[str] = []
        try:
            scheduler.run(choose)
        except Stuck as error:
            why.append(f"stuck: {error}")
        except _Pruned:
            # The sessions went on to their ends.
            play.settle()
            raise
        finally:
            for name, step in scheduler.taken:
                if name != CLOCK:
                    self.seen[name] |= step.effects
        self.runs += 1
        try:
            play.settle()
        except Exception as error:
            why.append(f"the job fails afterwards: {error}")
        outcome = play.outcome(scheduler.answers)
        schedule = "".join(name for name, _ in scheduler.taken)
        why += faults(play.products)
        if is_serial:
            self.serial[schedule] = outcome
        elif outcome not in self.serial.values():
            right = sorted({str(outcome) for outcome in self.serial.values()})
            why.append(f"{outcome} is the outcome of no serial order: {right}")
        if why:
            raise Failed(self.name, schedule, why, described(scheduler.taken))


def _serial_orders(names: Sequence[str]) -> Iterator[list[str]]:
    for order in permutations(names):
        for at in range(len(names) + 1):
            yield [*order[:at], CLOCK, *order[at:]]


def _in_turn(order: Sequence[str]) -> Choose:
    """Runs one session to its end, then the next one."""
    return lambda steps: min(steps, key=order.index)


def _at_random(random: Random) -> Choose:
    return lambda steps: random.choice(sorted(steps))
