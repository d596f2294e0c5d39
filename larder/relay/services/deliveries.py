"""Stores deliveries and their attempts, and ends and repeats those of a target."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from django.db.models.functions import Now

from larder.core.limits import MAX_SHORT_TEXT_LENGTH
from larder.db import database
from larder.relay import sql
from larder.relay.channels import Event, Outcome, Sent
from larder.relay.models import Delivery

KEPT = timedelta(days=30)
"""Deliveries are deleted after it."""


def store(channel: str, told: Sequence[tuple[Event, str]]) -> None:
    """Stores deliveries of events to targets, to be attempted now, in this order."""
    events = {event.id: event for event, _ in told}
    values = {
        "channel": channel,
        "ids": [event.id for event, _ in told],
        "targets": [target for _, target in told],
        "events": msgspec.json.encode([*events.values()]).decode(),
    }
    if told:
        database.execute(sql.STORE, values)


def due_targets(busy: Sequence[tuple[str, str]] = (), *, limit: int) -> list[tuple[str, str]]:
    """Returns channels and targets of which a delivery is due, without the busy ones: with them up
    to `limit` of each channel."""
    values = {
        "channels": [channel for channel, _ in busy],
        "targets": [target for _, target in busy],
        "limit": limit,
    }
    return [(channel, target) for channel, target in database.rows(sql.DUE_TARGETS, values)]


def due(channel: str, target: str, *, limit: int) -> list[Delivery]:
    """Returns the deliveries to a target that are due, in the order of their attempts."""
    rows = Delivery.objects.filter(channel=channel, target=target, next_at__lte=Now())
    return list(rows.order_by("next_at", "id")[:limit])


def record(attempts: Sequence[tuple[int, Outcome, float | None]]) -> None:
    """Stores the outcomes of attempts of deliveries, each with the seconds until the next attempt;
    None if it was the last one."""
    rows = [
        {
            "id": id,
            "outcome": outcome.note[:MAX_SHORT_TEXT_LENGTH],
            "sent": isinstance(outcome, Sent),
            "pause": pause,
        }
        for id, outcome, pause in attempts
    ]
    database.execute(sql.RECORD, [msgspec.json.encode(rows).decode()])


def end(channel: str, target: str, outcome: str) -> None:
    """Ends what waits for a target that is told nothing now."""
    waiting = Delivery.objects.filter(channel=channel, target=target, next_at__isnull=False)
    waiting.update(next_at=None, outcome=outcome)


def resume(channel: str, target: str, outcome: str) -> None:
    """Lets what ended with this outcome be attempted again."""
    ended = Delivery.objects.filter(channel=channel, target=target, next_at=None, outcome=outcome)
    ended.update(next_at=Now(), attempts=0)


def repeat(channel: str, target: str, delivery: int) -> str | None:
    """Lets a delivery that ended be attempted again, from the first attempt on. Returns the type of
    its event; None if the target has no such delivery."""
    rows = Delivery.objects.filter(id=delivery, channel=channel, target=target)
    rows.update(next_at=Now(), attempts=0, is_sent=False)
    return rows.values_list("type", flat=True).first()


def unsent_types(channel: str, target: str) -> set[str]:
    """Returns the types of the events that wait for a target or failed."""
    unsent = Delivery.objects.filter(channel=channel, target=target, is_sent=False)
    return set(unsent.order_by().values_list("type", flat=True).distinct())


def recover(channel: str, target: str, *, since: datetime, limit: int) -> int:
    """Lets up to `limit` deliveries of since then that failed be attempted again. Returns their
    number."""
    failed = Delivery.objects.filter(channel=channel, target=target, is_sent=False)
    failed = failed.filter(next_at=None, created_at__gte=since).order_by("id")
    ids = list(failed.values_list("id", flat=True)[:limit])
    return Delivery.objects.filter(id__in=ids).update(next_at=Now(), attempts=0)


def delete_old(*, now: datetime, limit: int) -> int:
    """Deletes up to `limit` deliveries that are older than KEPT. Returns their number."""
    return len(database.rows(sql.DELETE_OLD, {"before": now - KEPT, "limit": limit}))
