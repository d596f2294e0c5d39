"""Stores deliveries and their attempts, and holds, repeats and ends those of a target."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from django.db.models.functions import Now

from larder.db import database
from larder.relay import sql
from larder.relay.channels import Delivery, NewDelivery
from larder.relay.models import Delivery as Row

KEPT = timedelta(days=30)
"""Deliveries are deleted after it, also those that are held back."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt of a delivery. One that does not end it is followed by another after a pause of
    seconds. `outcome` says in words what became of it."""

    id: int
    outcome: str
    sent: bool
    ends: bool
    pause: float = 0.0


def store(channel: str, deliveries: Sequence[NewDelivery]) -> None:
    """Stores deliveries, to be attempted now, in this order."""
    if not deliveries:
        return
    events = list({delivery.event.id: delivery.event for delivery in deliveries}.values())
    indexes = {event.id: index for index, event in enumerate(events, 1)}
    values = {
        "channel": channel,
        "indexes": [indexes[delivery.event.id] for delivery in deliveries],
        "targets": [delivery.target for delivery in deliveries],
        "events": msgspec.json.encode(events).decode(),
    }
    database.execute(sql.STORE, values)


def due_targets(busy: Sequence[tuple[str, str]] = (), *, limit: int) -> list[tuple[str, str]]:
    """Returns up to `limit` channels and targets of which a delivery is due, without the busy
    ones."""
    values = {
        "channels": [channel for channel, _ in busy],
        "targets": [target for _, target in busy],
        "limit": limit,
    }
    return [(channel, target) for channel, target in database.rows(sql.DUE_TARGETS, values)]


def due(channel: str, target: str, *, limit: int) -> list[Delivery]:
    """Returns the deliveries to a target that are due, in the order of their attempts."""
    rows = database.rows(sql.DUE, {"channel": channel, "target": target, "limit": limit})
    return [Delivery(*[*row[:-1], msgspec.json.decode(row[-1])]) for row in rows]


def record(attempts: Sequence[Attempt]) -> None:
    """Stores attempts."""
    database.execute(sql.RECORD, [msgspec.json.encode(attempts).decode()])


def hold(channel: str, target: str) -> None:
    """Holds back what waits for a target."""
    Row.objects.filter(channel=channel, target=target, next_at__isnull=False).update(next_at=None)


def resume(channel: str, target: str) -> None:
    """Lets what was held back for a target be attempted now."""
    held = Row.objects.filter(channel=channel, target=target, next_at=None, ended_at=None)
    held.update(next_at=Now())


def end(channel: str, target: str, outcome: str) -> None:
    """Ends what waits or is held back for a target that is told nothing any more."""
    waiting = Row.objects.filter(channel=channel, target=target, ended_at=None)
    waiting.update(next_at=None, ended_at=Now(), outcome=outcome)


def repeat(channel: str, target: str, delivery: int) -> bool:
    """Lets a delivery that ended be attempted again, from the first attempt on. Returns False if
    the target has no such delivery."""
    rows = Row.objects.filter(id=delivery, channel=channel, target=target)
    return bool(rows.update(next_at=Now(), ended_at=None, attempts=0, is_sent=False))


def recover(channel: str, target: str, *, since: datetime, limit: int) -> int:
    """Lets up to `limit` deliveries of since then that failed be attempted again. Returns their
    number."""
    failed = Row.objects.filter(channel=channel, target=target, is_sent=False)
    failed = failed.filter(ended_at__isnull=False, created_at__gte=since).order_by("id")
    ids = list(failed.values_list("id", flat=True)[:limit])
    return Row.objects.filter(id__in=ids).update(next_at=Now(), ended_at=None, attempts=0)


def delete_old(*, now: datetime, limit: int) -> int:
    """Deletes up to `limit` deliveries that are older than KEPT. Returns their number."""
    return len(database.rows(sql.DELETE_OLD, {"before": now - KEPT, "limit": limit}))
