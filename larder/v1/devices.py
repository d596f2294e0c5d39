"""The customer's devices, which get messages, and the products that they are told of."""

import re
from functools import partial
from typing import Annotated
from uuid import UUID

import msgspec
from django.conf import settings
from msgspec import Meta

from larder.core.clock import now
from larder.core.errors import Fault, InvalidInput, NotFound
from larder.core.limits import MAX_DEVICE_ADDRESS_LENGTH
from larder.identity.caller import Caller
from larder.relay import queries, web_push
from larder.relay.services import devices
from larder.v1.http import shaped
from larder.v1.operations import CACHED, Declaration
from larder.v1.shapes import Id, Request, Time, open_enum

operation = partial(Declaration, tag="me", key_permission="identity.change_customer")
reading = partial(operation, key_permission="identity.view_customer", traits=[CACHED])

WEB, FCM = "webpush", "fcm"
ADDRESSES = {
    WEB: r"https?://[A-Za-z0-9.:\[\]-]+/[!-~]*",
    FCM: r"[!-~]+",
    "apns": r"[0-9a-fA-F]{64,200}",
}
"""The form of an address, by kind: the endpoint of a browser's subscription, or a token."""


def _base64url(characters: int, what: str) -> Meta:
    pattern = rf"^[A-Za-z0-9_-]{{{characters}}}\Z"
    form = f"Expected {characters} characters of base64url."
    return Meta(pattern=pattern, description=what, extra={"form": form})


class BrowserKeys(Request):
    """The keys of a browser's subscription, without padding."""

    p256dh: Annotated[str, _base64url(87, "A point of P-256.")]
    auth: Annotated[str, _base64url(22, "A secret of 16 bytes.")]


class NewDevice(Request):
    """A device that takes messages. A browser has `keys`: `subscription.toJSON().keys`."""

    kind: Annotated[str, open_enum("`fcm` and `apns` if the shop has an account.", ADDRESSES)]
    address: Annotated[
        str,
        Meta(
            max_length=MAX_DEVICE_ADDRESS_LENGTH,
            description="The `endpoint` of a browser's subscription, or the token of FCM or APNs.",
        ),
    ]
    keys: BrowserKeys | None = None


class Device(msgspec.Struct):
    """A device that takes messages. Its address is not shown."""

    id: UUID
    kind: Annotated[str, open_enum("The service that delivers.", ADDRESSES)]
    registered_at: Time


class Devices(msgspec.Struct):
    """All devices of the account, oldest first."""

    results: list[Device]
    server_key: Annotated[
        str, Meta(description="The `applicationServerKey` that browsers subscribe with.")
    ]


class Watches(msgspec.Struct):
    """The ids of all products that the account watches."""

    products: list[Id]


@reading(answers={200: Devices})
def list_devices(caller: Caller) -> Devices:
    """The caller's devices, oldest first."""
    rows = [shaped(row, Device) for row in queries.devices(caller.id)]
    return Devices(rows, web_push.public_key(settings.SECRET_KEY))


@operation(answers={201: Device}, example={"kind": FCM, "address": "TOKEN"})
def register_device(caller: Caller, body: NewDevice) -> Device:
    """Registers a device, or renews it: the same address is the same device. It gets messages until
    it is deleted, or until its session or key is ended. An account has at most 20: one more
    replaces the one that was renewed the longest time ago."""
    device = devices.register(caller, body.kind, body.address, _keys(body), now=now())
    return shaped(device, Device)


def _keys(body: NewDevice) -> dict[str, str]:
    """Returns what is stored with the address. Raises InvalidInput."""
    kinds, faults = [WEB, *settings.PUSH_ACCOUNTS], []
    if body.kind not in kinds:
        faults.append(Fault("/kind", "unknown_value", f"Expected one of: {', '.join(kinds)}."))
    elif not re.fullmatch(ADDRESSES[body.kind], body.address):
        faults.append(Fault("/address", "invalid_format", "Expected an address of this kind."))
    if (body.kind == WEB) != (body.keys is not None):
        faults.append(Fault("/keys", "one_of", "Expected the keys of a browser, and no others."))
    elif body.keys is not None and not web_push.is_point(body.keys.p256dh):
        faults.append(Fault("/keys/p256dh", "invalid_format", "Expected a point of P-256."))
    if faults:
        raise InvalidInput(faults)
    if body.keys is None:
        return {}
    return {**msgspec.to_builtins(body.keys), "server": web_push.public_key(settings.SECRET_KEY)}


@operation(answers={204: None})
def delete_device(caller: Caller, device: UUID) -> None:
    """Ends the messages to one of the caller's devices."""
    if not devices.unregister(caller.id, device):
        raise NotFound


@reading(answers={200: Watches})
def list_watches(caller: Caller) -> Watches:
    """The products that the caller watches, by id."""
    return Watches(queries.watches(caller.id))


@operation(answers={204: None}, problems=["too_many_watches"])
def watch_product(caller: Caller, product: int) -> None:
    """Sends a message to the caller's devices when the product is back in stock, once."""
    devices.watch(caller, product)


@operation(answers={204: None})
def unwatch_product(caller: Caller, product: int) -> None:
    """Forgets that the caller watches the product, if so."""
    devices.unwatch(caller.id, product)
