"""The sender keeps the order of an object, tries again after pauses, and waits for no target."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from larder.relay import queries
from larder.relay.channels import Again, Failed, Outcome, Sent
from larder.relay.models import Delivery
from larder.relay.services import deliveries
from larder.worker.sending import OVERTAKEN
from tests.relay.listening import Listener, due, event, sending
from tools.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Recorder(Listener):
    """Notes what is sent, and answers what the test says; each attempt takes a moment."""

    answer: Callable[[Delivery], Outcome] = lambda _: Sent("200")
    slow: frozenset[str] = frozenset()
    begun: list[tuple[str, str, int]] = field(default_factory=list)
    under_way: int = 0
    most: int = 0
    outcomes: list[Outcome] = field(default_factory=list)

    async def send(self, message: Delivery) -> Outcome:
        self.begun.append((message.target, message.object, message.id))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(60 if message.target in self.slow else 0.01)
        self.under_way -= 1
        return self.answer(message)

    def ended(self, delivery: Delivery, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


def store(*pairs: tuple[str, str]) -> None:
    deliveries.store("webhook", [(event(object), target) for target, object in pairs])


def outcomes(target: str) -> list[tuple[str, int, bool]]:
    """The outcome of each delivery, its attempts, and whether it has ended."""
    return [
        (row.outcome, row.attempts, row.next_at is None)
        for row in reversed(queries.deliveries("webhook", target, limit=100))
    ]


def all_ended(target: str) -> bool:
    return all(ended for _, _, ended in outcomes(target))


def test_deliveries_of_an_object_are_sent_one_after_the_other() -> None:
    channel = Recorder()
    store(*(("a", str(number % 12)) for number in range(60)))
    with sending(channel):
        assert wait_until(lambda: all_ended("a"))
    ids: dict[str, list[int]] = {}
    for _, object, id in channel.begun:
        ids.setdefault(object, []).append(id)
    assert list(ids.values()) == [sorted(of_object) for of_object in ids.values()]
    assert len(channel.begun) == 60
    assert 1 < channel.most <= 8


def test_a_slow_target_delays_no_other() -> None:
    channel = Recorder(slow=frozenset("a"))
    store(*(("a", str(number)) for number in range(20)), ("b", "1"))
    with sending(channel):
        assert wait_until(lambda: all_ended("b"))
        assert [target for target, _, _ in channel.begun].count("a") == 8
    assert outcomes("a") == [("", 0, False)] * 20


def test_a_failed_attempt_is_repeated_after_each_pause_and_then_given_up() -> None:
    channel = Recorder(answer=lambda _: Again("503"))
    store(("a", "1"))
    with sending(channel):
        assert wait_until(lambda: all_ended("a"))
    assert outcomes("a") == [("503", 3, True)]
    assert channel.outcomes == [Again("503")] * 3


def test_a_target_may_ask_for_a_longer_pause() -> None:
    channel = Recorder(answer=lambda _: Again("429", after=3600))
    store(("a", "1"))
    with sending(channel):
        assert wait_until(lambda: outcomes("a") == [("429", 1, False)])
    assert due("a") == []


def test_what_cannot_be_sent_stops_nothing_after_it() -> None:
    def answer(delivery: Delivery) -> Outcome:
        if delivery.object == "1":
            raise ValueError
        return Failed("404") if delivery.object == "2" else Sent("200")

    class Overtaking(Recorder):
        def prepare(self, delivery: Delivery) -> Delivery | None:
            return None if delivery.object == "3" else delivery

    channel = Overtaking(answer=answer, pauses=())
    store(*(("a", object) for object in "1234"))
    with sending(channel):
        assert wait_until(lambda: all_ended("a"))
    assert [outcome for outcome, _, _ in outcomes("a")] == [
        *("error: ValueError", "404", OVERTAKEN, "200")
    ]
    assert Outcome(OVERTAKEN) in channel.outcomes
