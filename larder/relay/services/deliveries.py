"""Stores deliveries and their attempts, and ends and repeats those of a target."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

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


def due(
    channels: Sequence[str],
    busy: Sequence[tuple[str, str]] = (),
    *,
    targets: int,
    limit: int,
) -> list[Delivery]:
    """Returns up to `limit` deliveries that are due to each target that is not busy, by channel and
    target in the order of their attempts. A channel has up to so many targets, the busy ones
    among them."""
    values = {
        "channels": [*channels],
        "busy": [channel for channel, _ in busy],
        "busy_targets": [target for _, target in busy],
        "targets": targets,
        "limit": limit,
    }
    ids = [id for (id,) in database.rows(sql.DUE, values)]
    rows = Delivery.objects.in_bulk(ids) if ids else {}
    return [rows[id] for id in ids if id in rows]


def record(attempts: Sequence[tuple[Delivery, Outcome, float | None]]) -> None:
    """Stores the outcomes of attempts of deliveries, each with the seconds until the next attempt;
    None if it was the last one."""
    rows = [
        {
            "id": delivery.id,
            "outcome": outcome.note[:MAX_SHORT_TEXT_LENGTH],
            "sent": isinstance(outcome, Sent),
            "pause": pause,
        }
        for delivery, outcome, pause in attempts
    ]
    if rows:
        database.execute(sql.RECORD, [msgspec.json.encode(rows).decode()])


def end(channel: str, target: str, outcome: str) -> None:
    """Ends what waits for a target that is told nothing now."""
    waiting = Delivery.objects.filter(channel=channel, target=target, next_at__isnull=False)
    waiting.update(next_at=None, outcome=outcome)


def repeat(channel: str, target: str, *, limit: int | None = None, **which: Any) -> int:
    """Lets up to `limit` deliveries to a target be attempted again, from the first attempt on: the
    oldest with these values. Returns their number."""
    rows = Delivery.objects.filter(channel=channel, target=target, **which).order_by("id")
    again = Delivery.objects.filter(id__in=rows.values("id")[:limit])
    return again.update(next_at=Now(), attempts=0, is_sent=False)


def types(channel: str, target: str, **which: Any) -> set[str]:
    """Returns the types of the events of a target's deliveries with these values."""
    rows = Delivery.objects.filter(channel=channel, target=target, **which)
    return set(rows.order_by().values_list("type", flat=True).distinct())


def delete_old(*, now: datetime, limit: int) -> int:
    """Deletes up to `limit` deliveries that are older than KEPT. Returns their number."""
    return len(database.rows(sql.DELETE_OLD, {"before": now - KEPT, "limit": limit}))
