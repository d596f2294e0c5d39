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
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from django.conf import settings

from larder.core.clock import now
from larder.identity import queries as identity
from larder.orders.queries import OrderView
from larder.relay import queries
from larder.relay.channels import Again, Channel, Event, Failed, Gone, Outcome, Sent
from larder.relay.event_types import EVENT_TYPES
from larder.relay.queries import Delivery
from larder.relay.services import endpoints
from larder.relay.services.endpoints import CHANNEL, MAX_ENDPOINTS, TEST
from larder.v1 import told
from larder.worker.outgoing import Answer, Client, Network, NoAnswer

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Target:
    """An endpoint. `seen` are the types that its owner may see, `types` those that it is told."""

    row: Any
    seen: frozenset[str]
    types: frozenset[str]
    secrets: Sequence[bytes]


class Message(NamedTuple):
    """An event for an endpoint."""

    target: Target
    event: UUID
    body: bytes


class Webhooks(Channel):
    """The channel of webhooks. Its targets are ids of endpoints."""

    name = CHANNEL
    pauses = (*(5.0, 300.0, 1800.0), *(hours * HOUR for hours in (2, 5, 10, 14, 20, 24)))

    def __init__(self, networks: Sequence[Network]) -> None:
        self._client = Client(networks)
        self._targets: dict[str, Target] = {}
        self._orders: Mapping[UUID, OrderView] = {}
        self._bodies: dict[UUID, bytes | None] = {}

    def fan_out(self, events: Sequence[Event]) -> list[tuple[Event, str]]:
        """Returns each event with each endpoint that is told it."""
        enabled = [(id, target) for id, target in _read().items() if not target.row.disabled_at]
        return [
            (event, id) for event in events for id, target in enabled if event.type in target.types
        ]

    def read(self, deliveries: Sequence[Delivery], orders: Mapping[UUID, OrderView]) -> None:
        """Reads the endpoints. What several endpoints are told is rendered once."""
        self._targets, self._orders, self._bodies = _read(), orders, {}

    def prepare(self, delivery: Delivery) -> Message | Outcome | None:
        """Returns the message; None if the endpoint is not told this any more, or if there is no
        such object any more."""
        target, event = self._targets.get(delivery.target), delivery.event
        if target is None:
            return None
        if delivery.type == TEST:
            test = told.Told(TEST, delivery.at, {"id": delivery.object})
            self._bodies[event] = msgspec.json.encode(test)
        elif delivery.type not in target.seen:
            return None
        elif target.row.disabled_at:
            return Failed(endpoints.DISABLED)
        elif event not in self._bodies:
            self._bodies[event] = told.body(delivery, self._orders, settings.PUBLIC_URL)
        body = self._bodies[event]
        if body is None:
            return None
        if not target.secrets:
            return Again("Its secret cannot be read. Rotate it.")
        return Message(target, event, body)

    async def send(self, message: Message) -> Outcome:
        """Posts a message, signed now."""
        target, event, body = message
        signed = headers(event, now(), body, target.secrets)
        try:
            return outcome(await self._client.post(target.row.url, signed, body), now())
        except NoAnswer as error:
            return Again(error.reason)

    def ended(self, delivery: Delivery, outcome: Outcome) -> None:
        """Notes whether the endpoint works, unless the event was overtaken. One that is gone, or
        has failed for long, is disabled, and its owner gets a mail."""
        endpoint, target = UUID(delivery.target), self._targets.get(delivery.target)
        if isinstance(outcome, Again | Gone):
            mails, is_gone = bool(settings.EMAIL_URL), isinstance(outcome, Gone)
            endpoints.note_failure(endpoint, is_gone=is_gone, mails=mails, at=now())
            # Whether it fails has to be read anew.
            self._targets.pop(delivery.target, None)
        elif isinstance(outcome, Sent) and (target is None or target.row.failing_since):
            endpoints.note_success(endpoint)


def _read() -> dict[str, Target]:
    rows = queries.endpoints(limit=MAX_ENDPOINTS)
    held = identity.held_permissions({row.owner for row in rows})
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return {str(row.id): _target(row, held, keys) for row in rows}


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
