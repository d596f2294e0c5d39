"""Deliveries wait, are held back, repeated and ended."""

from datetime import timedelta

import pytest

from larder.core.clock import now
from larder.relay import queries
from larder.relay.channels import Again, Failed, Sent
from larder.relay.services import deliveries
from tests.relay.listening import event

pytestmark = pytest.mark.django_db


def waiting(target: str) -> list[int]:
    return [delivery.id for delivery in deliveries.due("webhook", target, limit=9)]


def stored(*targets: str) -> list[int]:
    deliveries.store("webhook", [(event(), target) for target in targets])
    return [id for target in sorted(set(targets)) for id in waiting(target)]


def test_deliveries_are_due_in_the_order_in_which_they_were_stored() -> None:
    first, second = event("1"), event("2")
    deliveries.store("webhook", [(told, target) for told in (first, second) for target in "ba"])
    assert deliveries.due_targets(limit=9) == [("webhook", "a"), ("webhook", "b")]
    due = deliveries.due("webhook", "a", limit=9)
    assert [(row.event, row.object, row.data) for row in due] == [
        (first.id, "1", {"a": 1}),
        (second.id, "2", {"a": 1}),
    ]
    assert waiting("a")[0] < waiting("a")[1]


def test_targets_of_a_channel_take_no_places_of_another() -> None:
    deliveries.store("push", [(event(), target) for target in "abc"])
    stored("a")
    busy = [("push", "a"), ("push", "b")]
    assert deliveries.due_targets(limit=2) == [*busy, ("webhook", "a")]
    assert deliveries.due_targets(busy, limit=2) == [("webhook", "a")]


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
    assert deliveries.due_targets(limit=9) == [("webhook", "b")]
    deliveries.record([(under_way, Sent("200"), None)])
    assert queries.deliveries("webhook", "a", limit=9)[0].outcome == "disabled"
    deliveries.resume("webhook", "a", "deleted")
    assert waiting("a") == []
    deliveries.resume("webhook", "a", "disabled")
    assert waiting("a") == [under_way]


def test_a_delivery_is_repeated_and_failed_ones_are_recovered() -> None:
    began = now()
    sent, failed, waits = stored("a", "a", "a")
    deliveries.record(
        [
            (sent, Sent("200"), None),
            (failed, Failed("404"), None),
            (waits, Again("503"), 9),
        ]
    )
    assert deliveries.recover("webhook", "a", since=now() + timedelta(minutes=1), limit=9) == 0
    assert deliveries.recover("webhook", "a", since=began, limit=9) == 1
    assert waiting("a") == [failed]
    assert deliveries.repeat("webhook", "a", sent)
    assert not deliveries.repeat("webhook", "b", sent)
    assert waiting("a") == [failed, sent]


def test_old_deliveries_are_deleted() -> None:
    stored("a", "b")
    assert deliveries.delete_old(now=now() + deliveries.KEPT - timedelta(hours=1), limit=9) == 0
    later = now() + deliveries.KEPT + timedelta(hours=1)
    assert deliveries.delete_old(now=later, limit=1) == 1
    assert deliveries.delete_old(now=later, limit=9) == 1
