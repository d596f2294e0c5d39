"""A channel that tells targets which the test names."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event as Signal
from typing import Any
from uuid import uuid4

from django.db.models.functions import Now

from larder.core.clock import now
from larder.relay.channels import Channel, Event, Outcome, Sent
from larder.relay.event_types import EVENT_TYPES
from larder.relay.models import Delivery
from larder.relay.services.relaying import Relay
from larder.worker.sending import Sender
from tests.db.feeds import settle

ADD_EVENT = """
INSERT INTO order_event (id, order_id, type, from_status, to_status, actor, at, data)
VALUES (%s, %s, %s, 'placed', 'placed', gen_random_uuid(), now(), '{}')
"""
"""Adds an event of an id to an order, of this type."""


def event(object: str = "1") -> Event:
    """An event of a product."""
    return Event(uuid4(), "stock.out", object, datetime(2026, 1, 2, tzinfo=UTC), None, {"a": 1})


@dataclass
class Listener(Channel):
    """Tells each event of the wanted types to each target."""

    targets: tuple[str, ...] = ("a",)
    types: Collection[str] = tuple(EVENT_TYPES)
    name: str = "webhook"
    pauses: Sequence[float] = (0.1, 0.1)
    told: list[Event] = field(default_factory=list)

    def fan_out(self, events: Sequence[Event]) -> list[tuple[Event, str]]:
        events = [event for event in events if event.type in self.types]
        self.told += events
        return [(event, target) for event in events for target in self.targets]

    def prepare(self, delivery: Delivery) -> Any:
        return delivery

    async def send(self, message: Any) -> Outcome:
        return Sent()


def relay_all(relay: Relay) -> None:
    """Relays all that was committed before."""
    settle()
    while relay.once(now=now()):
        pass


def started(channel: Listener) -> Relay:
    """A relay that has begun."""
    relay = Relay([channel])
    relay_all(relay)
    return relay


def told() -> list[tuple[str, str]]:
    """The type and the object of each stored delivery."""
    return list(Delivery.objects.order_by("id").values_list("type", "object"))


def due(target: object, channel: str = "webhook") -> list[Delivery]:
    """The deliveries to a target that are due, in the order of their attempts."""
    rows = Delivery.objects.filter(channel=channel, target=target, next_at__lte=Now())
    return list(rows.order_by("next_at", "id"))


@contextmanager
def sending(channel: Channel) -> Iterator[None]:
    """Sends what is due within the block."""
    leading = Signal()
    leading.set()
    sender = Sender([channel], leading)
    sender.start()
    try:
        yield
    finally:
        sender.stop()
