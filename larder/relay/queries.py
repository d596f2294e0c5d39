"""Reads deliveries."""

from typing import Any

from larder.relay.models import Delivery

SHOWN = (
    "id",
    "event",
    "type",
    "object",
    "at",
    "attempts",
    "next_at",
    "ended_at",
    "is_sent",
    "outcome",
)


def deliveries(channel: str, target: str, *, before: int | None = None, limit: int) -> list[Any]:
    """Returns up to `limit` deliveries to a target, the newest first, with the fields SHOWN."""
    rows = Delivery.objects.filter(channel=channel, target=target).order_by("-id")
    if before is not None:
        rows = rows.filter(id__lt=before)
    return list(rows.values_list(*SHOWN, named=True)[:limit])
