"""The measuring: every request goes to all shops in turn, so that whatever else the machine does
weighs on all of them alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.growth.clocks import Clocks, Cpu
from benchmarks.growth.questions import Asking, Question, Visitor
from benchmarks.growth.shops import Extent
from benchmarks.history.client import Request
from benchmarks.history.course import BAR, WARM_UP, Pace
from benchmarks.measurement import percentile


@dataclass(frozen=True, slots=True)
class Taken:
    """What the requests of one round took in one shop: each, in seconds, ascending; all of them
    together, in CPU."""

    latencies: Sequence[float]
    cpu: Cpu


Figure = Callable[[Taken], float]


def p50(taken: Taken) -> float:
    """Milliseconds."""
    return percentile(taken.latencies, 0.50) * 1000


def p99(taken: Taken) -> float:
    """Milliseconds."""
    return percentile(taken.latencies, 0.99) * 1000


def application(taken: Taken) -> float:
    """Microseconds of CPU a request."""
    return taken.cpu.application / len(taken.latencies) * 1e6


def postgresql(taken: Taken) -> float:
    """Microseconds of CPU a request."""
    return taken.cpu.postgresql / len(taken.latencies) * 1e6


def cpu(taken: Taken) -> float:
    """Microseconds of CPU a request: of the application and of PostgreSQL."""
    return application(taken) + postgresql(taken)


JUDGED: Mapping[str, Figure] = {"p99": p99, "CPU": cpu}
"""What may be no more than BAR times as large as in the smallest shop."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a question took in each shop, round by round."""

    question: str
    rounds: Sequence[Mapping[Extent, Taken]]

    def typical(self, extent: Extent, figure: Figure) -> float:
        """The median over the rounds."""
        return median(figure(one[extent]) for one in self.rounds)

    def ratio(self, extent: Extent, figure: Figure) -> float:
        """To the smallest shop: the median of the rounds' ratios."""
        return median(figure(one[extent]) / figure(one[min(one)]) for one in self.rounds)

    def missed(self) -> list[str]:
        """Which shop is too slow or costs too much, and by how much."""
        larger = sorted(self.rounds[0])[1:]
        ratios = [
            (extent, name, self.ratio(extent, figure))
            for extent in larger
            for name, figure in JUDGED.items()
        ]
        return [
            f"{self.question}, {extent}: {name} {ratio:.2f} times"
            for extent, name, ratio in ratios
            if ratio > BAR
        ]


def measure(
    visitors: Sequence[Visitor],
    questions: Sequence[Question],
    pace: Pace,
    answers: Callable[[str], None],
) -> list[Found]:
    """Asks all questions, in all shops. Calls `answers` with the name of each one that is done."""
    found = []
    for question in questions:
        turns = [_Turn(visitor, question) for visitor in visitors]
        _round(turns, WARM_UP)
        requests = pace.requests * question.times
        rounds = [_round(turns, requests) for _ in range(pace.rounds)]
        found.append(Found(question.name, rounds))
        answers(question.name)
    return found


def _round(turns: Sequence[_Turn], requests: int) -> dict[Extent, Taken]:
    for turn in turns:
        turn.begin()
    for _ in range(requests):
        for turn in turns:
            turn.ask()
    return {turn.extent: turn.end() for turn in turns}


class _Turn:
    """One visitor with one question."""

    def __init__(self, visitor: Visitor, question: Question) -> None:
        visitor.renew()
        self.extent = visitor.shop.extent
        self._visitor = visitor
        self._asking: Asking = question.begin(visitor)
        self._next: Callable[[], Request] = lambda: next(self._asking)
        self._clocks = Clocks(visitor.shop)
        self._latencies: list[float] = []
        self._since = self._aside = Cpu(0, 0)

    def begin(self) -> None:
        """A round begins."""
        self._clocks.find_connections()
        self._latencies = []
        self._aside, self._since = Cpu(0, 0), self._clocks.read()

    def ask(self) -> None:
        """One request. What has to happen before it costs nothing."""
        before = self._clocks.read()
        request = self._next()
        self._aside += self._clocks.read() - before
        answer = self._visitor.client.ask(request)
        self._latencies.append(answer.seconds)
        self._next = lambda: self._asking.send(answer)

    def end(self) -> Taken:
        """What the round took."""
        spent = self._clocks.read() - self._since - self._aside
        return Taken(sorted(self._latencies), spent)
