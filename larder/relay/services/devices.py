"""Registers the devices of customers and the products that they watch, and says which devices are
told of an event."""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction

from larder.core.limits import MAX_DEVICES, MAX_WATCHES
from larder.db import database
from larder.identity.caller import Caller
from larder.identity.services.credentials import lock_account
from larder.inventory import queries as inventory
from larder.relay import sql
from larder.relay.errors import TooManyWatches
from larder.relay.models import Device, Watch


def register(
    caller: Caller, kind: str, address: str, keys: Mapping[str, str], *, now: datetime
) -> Device:
    """Registers a device, or renews it. One of another account becomes a new device of this
    account. Of more than MAX_DEVICES the one that was renewed the longest time ago is deleted.
    Raises SessionEnded."""
    columns = {
        "customer_id": caller.id,
        "credential": caller.session or caller.key,
        "kind": kind,
        "keys": keys,
        "registered_at": now,
    }
    with transaction.atomic(durable=True):
        lock_account(caller)
        # What waits for it has its id, and is not sent.
        Device.objects.filter(address=address).exclude(customer=caller.id).delete()
        device, _ = Device.objects.update_or_create(columns, address=address)
        newest = Device.objects.filter(customer=caller.id).order_by("-registered_at", "-id")
        former = list(newest.values_list("id", flat=True)[MAX_DEVICES:])
        Device.objects.filter(id__in=former).delete()
    return device


def unregister(customer: int, device: UUID) -> bool:
    """Deletes a device of the customer. Returns whether there was one."""
    return bool(Device.objects.filter(customer=customer, id=device).delete()[0])


def forget(device: str) -> None:
    """Deletes a device that takes no messages any more."""
    Device.objects.filter(id=device).delete()


def watch(caller: Caller, product: int) -> None:
    """Notes that the caller wants to know when a product is back in stock. Raises SessionEnded,
    NotFound (also for an archived product), TooManyWatches."""
    inventory.product(caller.id, product)
    with transaction.atomic(durable=True):
        lock_account(caller)
        others = Watch.objects.filter(customer=caller.id).exclude(product=product)
        if others.count() >= MAX_WATCHES:
            raise TooManyWatches(MAX_WATCHES)
        watch_again(caller.id, product)


def watch_again(customer: int, product: int) -> None:
    """Notes a watch; also one that `watchers` has deleted, of a product that is out of stock again
    before that was told."""
    Watch.objects.get_or_create(customer_id=customer, product_id=product)


def unwatch(customer: int, product: int) -> None:
    """Forgets that the customer watches a product."""
    Watch.objects.filter(customer=customer, product=product).delete()


def watchers(products: Collection[int]) -> list[tuple[int, str]]:
    """Deletes the watches of these products, and returns the devices of their customers, each with
    its product: it is told once. Who has no device keeps the watch. Assumes that the transaction is
    open that stores what they are told."""
    return database.rows(sql.TAKE_WATCHES, [list(products)]) if products else []


def devices_of(customers: Collection[int | None]) -> dict[int | None, list[str]]:
    """Returns the devices of each of these customers who has any."""
    ids: dict[int | None, list[str]] = {}
    rows = Device.objects.filter(customer__in=customers).order_by("id")
    for customer, device in rows.values_list("customer", "id"):
        ids.setdefault(customer, []).append(str(device))
    return ids
