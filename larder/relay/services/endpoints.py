"""Adds, changes and ends endpoints: the addresses that events are posted to.

Who changes an endpoint needs the permission of each of its events beside MANAGE, also of those that
wait or failed: the new address would be told them. So does who repeats an event. `at` is the time
of the change; each change raises what `require_permitted` raises.
"""

import base64
import secrets as randomness
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from larder.core.errors import NotFound
from larder.core.ids import new_id
from larder.db import idempotency, versions
from larder.db.idempotency import Claim
from larder.identity import factors
from larder.identity.caller import Caller
from larder.identity.services import audit
from larder.identity.services.credentials import require_permitted
from larder.relay.channels import Event
from larder.relay.errors import TooManyWebhooks
from larder.relay.event_types import EVENT_TYPES
from larder.relay.models import Endpoint
from larder.relay.services import deliveries
from larder.relay.services.account_mails import WEBHOOK_DISABLED, queue_mail

CHANNEL = "webhook"

DISABLED = "The webhook is disabled."
"""The outcome of what waits until it is enabled."""

TEST = "webhook.test"
"""The type of an event that says nothing but that it came."""

MANAGE = "relay.manage_endpoint"
"""The permission for all that is done to endpoints."""

ADDRESS = r"^https?://[A-Za-z0-9.:\[\]-]+(/[!-~]*)?\Z"
"""The form of an address: without a name and a password."""

MAX_ENDPOINTS = 50
"""Endpoints of a shop: each event is told to all of them."""

MAX_RECOVERED = 10_000
"""Deliveries that one request lets be attempted again."""

SECRET_BYTES = 32

FAILS_AT_MOST = timedelta(days=5)
"""An endpoint that fails for longer is disabled."""

PREFIX = "whsec_"
"""The beginning of a secret as it is shown (Standard Webhooks 1.0)."""


@dataclass(frozen=True, slots=True)
class NewSecret:
    """An endpoint and its new secret. `text` is None if the request repeats an earlier one."""

    endpoint: UUID
    text: str | None


def endpoint_name(endpoint: UUID) -> str:
    """Returns the name of an endpoint in the audit trail."""
    return f"webhook:{endpoint}"


def create_endpoint(
    fields: Mapping[str, Any],
    *,
    caller: Caller,
    keys: Sequence[str],
    at: datetime,
    claim: Claim | None = None,
) -> NewSecret:
    """Adds an endpoint of the caller with `url`, `name` and `events`; `keys` are the installation's
    secrets. Raises TooManyWebhooks, KeyReused."""
    id = new_id()
    secret, sealed = _new_secret(id, keys)

    def save() -> UUID:
        if Endpoint.objects.count() >= MAX_ENDPOINTS:
            raise TooManyWebhooks(MAX_ENDPOINTS)
        owner = caller.public_id
        columns = _columns(fields)
        Endpoint.objects.create(id=id, owner=owner, secrets=[sealed], created_at=at, **columns)
        _require(caller, columns["events"])
        shown = {"name": columns["name"], "events": columns["events"], "owner": owner}
        audit.record(endpoint_name(id), "create", after=shown)
        return id

    with transaction.atomic(durable=True):
        outcome = idempotency.once(claim, save, now=at)
    return NewSecret(UUID(outcome.result), None if outcome.replayed else secret)


def change_endpoint(
    endpoint: UUID,
    fields: Mapping[str, Any],
    *,
    caller: Caller,
    at: datetime,
    version: int | None = None,
) -> None:
    """Changes `url`, `name`, `events` and `disabled` of an endpoint. What waits for it is sent
    when it is enabled again. Raises NotFound, StaleVersion."""
    columns = _columns(fields)
    with transaction.atomic(durable=True):
        row = _row(endpoint)
        versions.lock(row, version)
        present = row.get()
        if "disabled" in fields and fields["disabled"] != (present.disabled_at is not None):
            columns |= _switched(endpoint, at if fields["disabled"] else None)
        with audit.changing(endpoint_name(endpoint), row, columns, personal={"url"}):
            versions.update(row, version, **columns)
        unsent = deliveries.types(CHANNEL, str(endpoint), is_sent=False)
        _require(caller, {*present.events, *fields.get("events", ()), *unsent})


def delete_endpoint(endpoint: UUID, *, caller: Caller, version: int | None = None) -> None:
    """Deletes an endpoint, and ends what waits for it. Raises NotFound, StaleVersion."""
    with transaction.atomic(durable=True):
        row = _row(endpoint)
        versions.lock(row, version)
        row.delete()
        deliveries.end(CHANNEL, str(endpoint), "The webhook was deleted.")
        require_permitted(caller, MANAGE)
        audit.record(endpoint_name(endpoint), "delete")


def rotate_secret(endpoint: UUID, *, caller: Caller, keys: Sequence[str]) -> NewSecret:
    """Makes a new secret. The former one signs too, until the next rotation. Raises NotFound."""
    secret, sealed = _new_secret(endpoint, keys)
    with transaction.atomic(durable=True):
        row = _row(endpoint)
        versions.lock(row, None)
        present = row.get()
        versions.update(row, None, secrets=[sealed, present.secrets[0]])
        _require(caller, present.events)
        audit.record(endpoint_name(endpoint), "rotate")
    return NewSecret(endpoint, secret)


def send_test(endpoint: UUID, *, caller: Caller, at: datetime) -> None:
    """Lets a test be sent to an endpoint, also to a disabled one. Raises NotFound."""
    with _acting_on(endpoint, "test", caller):
        deliveries.store(CHANNEL, [_told(endpoint, TEST, str(endpoint), at)])


def resend(
    endpoint: UUID, objects: Collection[tuple[str, str]], *, caller: Caller, at: datetime
) -> None:
    """Tells an endpoint the present state of objects: types of events, and ids. Raises NotFound."""
    with _acting_on(endpoint, "resend", caller):
        deliveries.store(CHANNEL, [_told(endpoint, type, id, at) for type, id in objects])
        _require(caller, {type for type, _ in objects})


def redeliver(endpoint: UUID, delivery: int, *, caller: Caller) -> None:
    """Lets a delivery be attempted again. Raises NotFound."""
    with _acting_on(endpoint, "redeliver", caller):
        _require(caller, deliveries.types(CHANNEL, str(endpoint), id=delivery))
        if not deliveries.repeat(CHANNEL, str(endpoint), id=delivery):
            raise NotFound


def recover(endpoint: UUID, *, caller: Caller, since: datetime) -> int:
    """Lets deliveries that failed since then be attempted again, at most MAX_RECOVERED, the oldest
    first. Returns their number. Raises NotFound."""
    with _acting_on(endpoint, "recover", caller):
        _require(caller, deliveries.types(CHANNEL, str(endpoint), is_sent=False))
        failed = {"is_sent": False, "next_at": None, "created_at__gte": since}
        return deliveries.repeat(CHANNEL, str(endpoint), limit=MAX_RECOVERED, **failed)


def note_success(endpoint: UUID) -> None:
    """Notes that an endpoint answers again."""
    _row(endpoint).filter(failing_since__isnull=False).update(failing_since=None)


def note_failure(endpoint: UUID, *, is_gone: bool, mails: bool, at: datetime) -> None:
    """Notes that an endpoint fails. One that is gone, or has failed for FAILS_AT_MOST, is disabled,
    and its owner gets a mail, if the shop sends `mails`."""
    with transaction.atomic(durable=True):
        row = _row(endpoint).select_for_update().first()
        if row is None or row.disabled_at is not None:
            return
        if is_gone or (row.failing_since and at - row.failing_since >= FAILS_AT_MOST):
            versions.update(_row(endpoint), None, **_switched(endpoint, at))
            if mails:
                queue_mail(WEBHOOK_DISABLED, endpoint, now=at)
        elif row.failing_since is None:
            _row(endpoint).update(failing_since=at)


def opened(sealed: Iterable[str], endpoint: UUID, keys: Sequence[str]) -> list[bytes]:
    """Returns the secrets of an endpoint, without those that the installation's secrets no longer
    open."""
    secrets = (factors.unseal(text.encode(), endpoint, keys) for text in sealed)
    return [secret for secret in secrets if secret is not None]


def _columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    columns = {name: value for name, value in fields.items() if name != "disabled"}
    if "events" in columns:
        columns["events"] = list(dict.fromkeys(columns["events"]))
    return columns


def _switched(endpoint: UUID, disabled_at: datetime | None) -> dict[str, Any]:
    """Ends what waits for an endpoint, or lets what ended so be sent. Returns its columns."""
    if disabled_at:
        deliveries.end(CHANNEL, str(endpoint), DISABLED)
    else:
        deliveries.repeat(CHANNEL, str(endpoint), next_at=None, outcome=DISABLED)
    return {"disabled_at": disabled_at, "failing_since": None}


@contextmanager
def _acting_on(endpoint: UUID, action: str, caller: Caller) -> Iterator[None]:
    """A transaction of a caller about an endpoint that is not changed. Raises NotFound."""
    with transaction.atomic(durable=True):
        versions.lock(_row(endpoint), None)
        require_permitted(caller, MANAGE)
        audit.record(endpoint_name(endpoint), action)
        yield


def _told(endpoint: UUID, type: str, object: str, at: datetime) -> tuple[Event, str]:
    return Event(new_id(), type, object, at, None, {}), str(endpoint)


def _row(endpoint: UUID) -> "QuerySet[Endpoint]":
    return Endpoint.objects.filter(id=endpoint)


def _require(caller: Caller, events: Collection[str]) -> None:
    known = [EVENT_TYPES[name].permission for name in events if name in EVENT_TYPES]
    require_permitted(caller, MANAGE, *sorted(set(known)))


def _new_secret(endpoint: UUID, keys: Sequence[str]) -> tuple[str, str]:
    """Returns a secret as it is shown, and as it is stored."""
    secret = randomness.token_bytes(SECRET_BYTES)
    shown = PREFIX + base64.b64encode(secret).decode()
    return shown, factors.seal(secret, endpoint, keys).decode()
