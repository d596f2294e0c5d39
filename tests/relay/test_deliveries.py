"""Deliveries wait, are held back, repeated and ended."""

from datetime import timedelta

import pytest

from larder.core.clock import now
from larder.relay import queries
from larder.relay.channels import Again, Failed, Sent
from larder.relay.models import Delivery
from larder.relay.services import deliveries
from tests.relay.listening import due, event

pytestmark = pytest.mark.django_db


def waiting(target: str) -> list[int]:
    return [delivery.id for delivery in due(target)]


def stored(*targets: str) -> list[Delivery]:
    deliveries.store("webhook", [(event(), target) for target in targets])
    return [delivery for target in sorted(set(targets)) for delivery in due(target)]


def due_targets(*busy: tuple[str, str], targets: int = 9) -> list[tuple[str, str]]:
    rows = deliveries.due(["push", "webhook"], busy, targets=targets, limit=9)
    return [(row.channel, row.target) for row in rows]


def test_deliveries_are_due_by_target_in_the_order_in_which_they_were_stored() -> None:
    first, second, third = event("1"), event("2"), event("3")
    told = [(event, target) for event in (first, second, third) for target in "ba"]
    deliveries.store("webhook", told)
    rows = deliveries.due(["webhook", "mail"], targets=9, limit=2)
    assert [(row.target, row.event, row.object, row.data) for row in rows] == [
        (target, event.id, event.object, {"a": 1}) for target in "ab" for event in (first, second)
    ]


def test_targets_of_a_channel_take_no_places_of_another() -> None:
    deliveries.store("push", [(event(), target) for target in "abc"])
    stored("a")
    busy = [("push", "a"), ("push", "b")]
    assert due_targets(targets=2) == [*busy, ("webhook", "a")]
    assert due_targets(*busy, targets=2) == [("webhook", "a")]


def test_an_attempt_ends_a_delivery_or_is_followed_by_another_after_its_pause() -> None:
    sent, again = stored("a", "a")
    deliveries.record(
        [
            (sent, Sent("200"), None),
            (again, Again("503"), 3600),
        ]
    )
    assert waiting("a") == []
    later, ended = queries.deliveries("webhook", "a", limit=9)
    assert (ended.outcome, ended.is_sent, ended.next_at) == ("200", True, None)
    assert (later.outcome, later.attempts) == ("503", 1)
    assert later.next_at is not None
    assert timedelta(minutes=59) < later.next_at - now() < timedelta(minutes=61)


def test_what_ended_with_its_target_is_attempted_once_that_resumes() -> None:
    under_way, _ = stored("a", "b")
    deliveries.end("webhook", "a", "disabled")
    assert due_targets() == [("webhook", "b")]
    deliveries.record([(under_way, Sent("200"), None)])
    assert queries.deliveries("webhook", "a", limit=9)[0].outcome == "disabled"
    deliveries.repeat("webhook", "a", next_at=None, outcome="deleted")
    assert waiting("a") == []
    deliveries.repeat("webhook", "a", next_at=None, outcome="disabled")
    assert waiting("a") == [under_way.id]


def test_deliveries_of_a_target_are_repeated_the_oldest_first() -> None:
    sent, failed, waits = stored("a", "a", "a")
    deliveries.record([(sent, Sent("200"), None), (failed, Failed("404"), None)])
    deliveries.record([(waits, Again("503"), 9)])
    assert deliveries.repeat("webhook", "a", is_sent=False, next_at=None) == 1
    assert waiting("a") == [failed.id]
    assert deliveries.repeat("webhook", "b", id=sent.id) == 0
    assert deliveries.repeat("webhook", "a", limit=1) == 1
    assert waiting("a") == [failed.id, sent.id]
    assert not Delivery.objects.get(id=sent.id).is_sent


def test_old_deliveries_are_deleted() -> None:
    stored("a", "b")
    assert deliveries.delete_old(now=now() + deliveries.KEPT - timedelta(hours=1), limit=9) == 0
    later = now() + deliveries.KEPT + timedelta(hours=1)
    assert deliveries.delete_old(now=later, limit=1) == 1
    assert deliveries.delete_old(now=later, limit=9) == 1
