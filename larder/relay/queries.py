"""Reads deliveries."""

from typing import Any
from uuid import UUID

from larder.relay.models import Delivery, Device, Watch

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


def devices(customer: int, *, after: UUID | None, limit: int) -> list[Any]:
    """Returns up to `limit` devices of a customer by id, which is the order of registration: `id`,
    `kind`, `registered_at`."""
    rows = Device.objects.filter(customer=customer).order_by("id")
    rows = rows if after is None else rows.filter(id__gt=after)
    return list(rows.values_list("id", "kind", "registered_at", named=True)[:limit])


def device(id: str) -> Any | None:
    """Returns a device to send to: `customer`, `kind`, `address`, `keys`; None if there is none."""
    rows = Device.objects.filter(id=id)
    return rows.values_list("customer", "kind", "address", "keys", named=True).first()


def watches(customer: int, *, after: int, limit: int) -> list[Any]:
    """Returns up to `limit` products that a customer watches, by id: `product`."""
    rows = Watch.objects.filter(customer=customer, product__gt=after).order_by("product")
    return list(rows.values_list("product", named=True)[:limit])
