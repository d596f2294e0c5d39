"""The measuring: every request goes to all shops in turn, so that whatever else the machine does
weighs on all of them alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.history.client import Client, Request
from benchmarks.history.questions import Question, paths
from benchmarks.history.shops import Shop
from benchmarks.measurement import percentile

WARM_UP = 40
BAR = 1.3
"""How much slower the p99 of any larger shop may be than the smallest's."""


@dataclass(frozen=True, slots=True)
class Pace:
    """So many rounds, with so many requests of each question and shop in each."""

    rounds: int
    requests: int


@dataclass(frozen=True, slots=True)
class Found:
    """A question's latencies (seconds, ascending) in each shop, round by round."""

    question: str
    rounds: Sequence[Mapping[int, Sequence[float]]]

    def milliseconds(self, orders: int, share: float) -> float:
        """The median over the rounds of a percentile."""
        return median(percentile(one[orders], share) for one in self.rounds) * 1000

    def ratio(self, orders: int, share: float = 0.99) -> float:
        """How much slower this shop is than the smallest: the median of the rounds' ratios."""
        return median(
            percentile(one[orders], share) / percentile(one[min(one)], share) for one in self.rounds
        )


def measure(
    shops: Sequence[Shop],
    questions: Sequence[Question],
    pace: Pace,
    answers: Callable[[str], None],
) -> list[Found]:
    """Asks all questions, in all shops. Calls `answers` with the name of each one that is done."""
    found = []
    for question in questions:
        asked = {shop.orders: paths(question, shop) for shop in shops}
        clients = {shop.orders: Client(shop.server.port, question.key) for shop in shops}
        for size, client in clients.items():
            for number in range(WARM_UP):
                client.ask(Request(asked[size][number % len(asked[size])]))
        rounds = [_round(clients, asked, pace.requests) for _ in range(pace.rounds)]
        found.append(Found(question.name, rounds))
        answers(question.name)
    return found


def _round(
    clients: Mapping[int, Client], asked: Mapping[int, Sequence[str]], requests: int
) -> dict[int, list[float]]:
    taken: dict[int, list[float]] = {size: [] for size in clients}
    for number in range(requests):
        for size, client in clients.items():
            path = asked[size][number % len(asked[size])]
            taken[size].append(client.ask(Request(path)).seconds)
    return {size: sorted(one) for size, one in taken.items()}
