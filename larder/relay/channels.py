"""What the relay and the channels that tell its events hand one another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from larder.orders.queries import OrderView

if TYPE_CHECKING:
    from larder.relay.queries import Delivery


@dataclass(frozen=True, slots=True)
class Event:
    """A committed fact. `object` is the id of what it is about: of an order (also of a payment's or
    a refund's), or of a product. `customer` is that of the order, None without one. `data` is
    small, and contains no personal data: `event` is the type in `order_event`, `payment` the
    provider, kind and transaction_id of a payment, `currency` that of a refund."""

    id: UUID
    type: str
    object: str
    at: datetime
    customer: int | None
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt came to. `note` is shown with the delivery: a status, or why it failed,
    without a secret or an address."""

    note: str = ""


class Sent(Outcome):
    """The target has it."""


@dataclass(frozen=True, slots=True)
class Again(Outcome):
    """The attempt failed. The next one is after the channel's pause, or `after` seconds if that is
    longer."""

    after: float = 0.0


class Failed(Outcome):
    """This delivery cannot succeed, and is not tried again."""


class Gone(Outcome):
    """The target takes nothing any more. The channel ends or disables it in `ended`."""


class Channel:
    """A way of telling events. The methods but `send` are called in a thread with a connection."""

    name: str
    """At most ten characters: `webhook`, `mail`, `push`."""

    pauses: Sequence[float]
    """Seconds before the second attempt, the third and so on. Up to a tenth is added."""

    def fan_out(self, events: Sequence[Event]) -> list[tuple[Event, str]]:
        """Returns which of these events, which are in order, are told to which targets: ids of
        endpoints or devices, kinds of recipients. Called in the relay's transaction."""
        raise NotImplementedError

    def read(self, deliveries: Sequence["Delivery"], orders: Mapping[UUID, OrderView]) -> None:
        """Reads what the messages of these deliveries have in common. `orders` has the orders that
        they are about."""

    def prepare(self, delivery: "Delivery") -> Any | None:
        """Returns the message for `send`, rendered from the object's present state; None if there
        is nothing to tell any more. An Outcome is that of the attempt, without a message."""
        raise NotImplementedError

    async def send(self, message: Any) -> Outcome:
        """Sends a message. Uses the network and no database; must end within 30 seconds."""
        raise NotImplementedError

    def ended(self, delivery: "Delivery", outcome: Outcome) -> None:
        """Called after each attempt whose outcome is stored: an Again is followed by no attempt if
        it is the last one of the pauses."""
