"""Posts events to endpoints, by Standard Webhooks 1.0: a channel of the relay.

An endpoint is told what its owner may see at that moment. The body is the present state of the
event's object, as `larder/v1/told.py` has it.
"""

import base64
import hashlib
import hmac
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings

from larder.core.clock import Stopwatch, now
from larder.identity import queries as identity
from larder.relay import queries
from larder.relay.channels import Again, Delivery, Event, Failed, Gone, Outcome, Sent
from larder.relay.event_types import EVENT_TYPES
from larder.relay.services import endpoints
from larder.relay.services.endpoints import CHANNEL, MAX_ENDPOINTS, TEST
from larder.v1 import told
from larder.worker.outgoing import Answer, Client, Network, NoAnswer

HOUR = 3600.0

CURRENT = 1.0
"""Seconds for which endpoints are not read again for the next delivery."""


@dataclass(frozen=True, slots=True)
class Target:
    """An endpoint. `seen` are the types that its owner may see, `types` those that it is told."""

    row: Any
    seen: frozenset[str]
    types: frozenset[str]
    secrets: Sequence[bytes]

    def takes(self, type: str) -> bool:
        """Returns whether it is sent an event of this type."""
        return type == TEST or (type in self.seen and not self.row.disabled_at)


@dataclass(frozen=True, slots=True)
class Message:
    """A request to an endpoint."""

    url: str
    headers: Mapping[str, str]
    body: bytes


class Webhooks:
    """The channel of webhooks. Its targets are ids of endpoints."""

    name = CHANNEL
    pauses: Sequence[float] = (
        *(5.0, 300.0, 1800.0),
        *(hours * HOUR for hours in (2, 5, 10, 14, 20, 24)),
    )

    def __init__(self, networks: Sequence[Network]) -> None:
        self._client = Client(networks)
        self._targets: Mapping[str, Target] = {}
        self._age: Stopwatch | None = None

    def fan_out(self, events: Sequence[Event]) -> list[tuple[Event, str]]:
        """Returns each event with each endpoint that is told it."""
        # Read anew: another thread may have read the endpoints before one was added.
        enabled = [
            (id, target) for id, target in self._read().items() if not target.row.disabled_at
        ]
        return [
            (event, id) for event in events for id, target in enabled if event.type in target.types
        ]

    def prepare(self, delivery: Delivery) -> Message | Outcome | None:
        """Returns the signed request; None if the endpoint is not told this any more, or if the
        object does not exist any more."""
        is_current = self._age is not None and self._age.seconds < CURRENT
        target = (self._targets if is_current else self._read()).get(delivery.target)
        if is_current and not (target and target.takes(delivery.type)):
            # It may have been added, enabled or allowed more since: else this would be lost.
            target = self._read().get(delivery.target)
        if target is None:
            return None
        if delivery.type == TEST:
            test = told.Told(TEST, delivery.at, {"id": delivery.object})
            body: bytes | None = msgspec.json.encode(test)
        elif delivery.type not in target.seen:
            return None
        elif target.row.disabled_at:
            return Failed(endpoints.DISABLED)
        else:
            at, root = delivery.at, settings.PUBLIC_URL
            body = told.body(delivery.type, at, delivery.object, delivery.data, root)
        if body is None:
            return None
        if not target.secrets:
            return Again("Its secret cannot be read. Rotate it.")
        return Message(target.row.url, headers(delivery.event, now(), body, target.secrets), body)

    async def send(self, message: Message) -> Outcome:
        """Posts a message."""
        try:
            answer = await self._client.post(message.url, message.headers, message.body)
        except NoAnswer as error:
            return Again(error.reason)
        return outcome(answer, now())

    def ended(self, delivery: Delivery, outcome: Outcome) -> None:
        """Notes whether the endpoint works, unless the event was overtaken. One that is gone, or
        has failed for long, is disabled, and its owner gets a mail."""
        target = self._targets.get(delivery.target)
        endpoint = UUID(delivery.target)
        if isinstance(outcome, Again | Gone):
            mails = bool(settings.EMAIL_URL)
            is_gone = isinstance(outcome, Gone)
            endpoints.note_failure(endpoint, is_gone=is_gone, mails=mails, at=now())
        elif isinstance(outcome, Sent) and (target is None or target.row.failing_since):
            endpoints.note_success(endpoint)

    def _read(self) -> Mapping[str, Target]:
        rows = queries.endpoints(limit=MAX_ENDPOINTS)
        held = identity.held_permissions({row.owner for row in rows})
        keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
        targets = {str(row.id): _target(row, held, keys) for row in rows}
        self._targets, self._age = targets, Stopwatch()
        return targets


def _target(row: Any, held: Mapping[UUID, Collection[str]], keys: Sequence[str]) -> Target:
    permissions = held.get(row.owner, ())
    seen = frozenset(type.name for type in EVENT_TYPES.values() if type.permission in permissions)
    return Target(
        row=row,
        seen=seen,
        types=seen.intersection(row.events),
        secrets=endpoints.opened(row.secrets, row.id, keys),
    )


def headers(event: UUID, at: datetime, body: bytes, secrets: Iterable[bytes]) -> dict[str, str]:
    """Returns the headers of a request, with a signature by each secret."""
    second = str(int(at.timestamp()))
    signed = f"{event}.{second}.".encode() + body
    digests = (hmac.digest(secret, signed, hashlib.sha256) for secret in secrets)
    signatures = (f"v1,{base64.b64encode(digest).decode()}" for digest in digests)
    return {
        "Content-Type": "application/json",
        "User-Agent": "Larder",
        "webhook-id": str(event),
        "webhook-timestamp": second,
        "webhook-signature": " ".join(signatures),
    }


def outcome(answer: Answer, at: datetime) -> Outcome:
    """Returns what an answer means. Redirects are failures."""
    status = answer.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Sent(str(status))
    if status == HTTPStatus.GONE:
        return Gone(str(status))
    return Again(str(status), answer.pause(at))
