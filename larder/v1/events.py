"""The events of an order, and the content of each type of event."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from larder.http import pagination
from larder.identity.caller import Caller
from larder.orders import queries
from larder.orders.lifecycle import EVENTS
from larder.v1.http import Listed, PageParameters, shaped
from larder.v1.operations import CACHED, ECHOED, operation
from larder.v1.shapes import Actor, Address, Id, Number, Page, Time, open_enum

TYPES = ("placed", "held", "expired", "payment", *EVENTS.values())
Type = Annotated[str, open_enum("The type. Ignore events of unknown types.", TYPES)]


class PickedShort(msgspec.Struct):
    """A line of which fewer units were picked than `ordered`. Of the other units, `missing` were
    not on the shelf; the rest can be ordered again."""

    product: Id
    ordered: int
    quantity: int
    missing: bool


class UnitsReturned(msgspec.Struct):
    """Returned units; with `restock` they can be ordered again."""

    product: Id
    quantity: int
    restock: bool


class UnitsOrdered(msgspec.Struct):
    """A product and the number of its units in an order."""

    product: Id
    quantity: int


class OrderContent(msgspec.Struct):
    """The changed fields of an order, before or after the change. Other fields are left out."""

    lines: list[UnitsOrdered] | UnsetType = UNSET
    note: str | UnsetType = UNSET
    reference: str | UnsetType = UNSET
    ship_to: Address | UnsetType | None = UNSET
    requested_for: date | UnsetType | None = UNSET
    carrier: str | UnsetType = UNSET
    tracking_number: str | UnsetType = UNSET


class PaymentNoted(msgspec.Struct):
    """A payment that was recorded, as in `orders/{order}/payments`. `amount` is in minor units."""

    provider: str
    kind: str
    transaction_id: str
    amount: Number
    currency: str
    reference: str | UnsetType = UNSET


class EventContent(msgspec.Struct):
    """The content of an event, by its `type`. More members may be added.

    - `changed`, `tracked`: `before` and `after`, with the same members.
    - `shipped`: `carrier` and `tracking_number` if they were given.
    - `packed`: `picked`, if fewer units of a line were picked than ordered.
    - `cancelled`: `reason` if one was given, and `picked` if no unit could be picked.
    - `returned`: `reason` and `lines`.
    - `payment`: `payment`.

    Other types have no content.
    """

    before: OrderContent | UnsetType = UNSET
    after: OrderContent | UnsetType = UNSET
    picked: list[PickedShort] | UnsetType = UNSET
    lines: list[UnitsReturned] | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    payment: PaymentNoted | UnsetType = UNSET
    carrier: str | UnsetType = UNSET
    tracking_number: str | UnsetType = UNSET


class OrderEvent(msgspec.Struct):
    """An action on an order, with its actor and time. The ledger's entries refer to its `id`.

    `from` and `to` are statuses of the order. When an order is placed or held, `from` is empty, or
    `draft` if the order was a cart.
    """

    id: UUID
    type: Type
    from_: str = msgspec.field(name="from")
    to: str
    actor: Actor
    at: Time
    data: EventContent


class OrderEventPage(Page[OrderEvent]):
    """A page of events, oldest first."""


class EventCursor(pagination.Cursor, array_like=True):
    """The last row of a page of events."""

    position: Id


@operation(
    tag="orders",
    for_others="orders.view_order",
    answers={200: OrderEventPage},
    traits=[CACHED, ECHOED],
)
def list_order_events(
    caller: Caller, order: UUID, query: PageParameters, cursor: EventCursor | None
) -> Listed:
    """A page of the events of an order, oldest first."""
    queries.visible_order(order, caller)
    events = queries.events(order, after=cursor.position if cursor else 0, limit=query.rows)
    return Listed(events, _shown_event)


def _shown_event(event: Any) -> OrderEvent:
    data = msgspec.convert(event.data, EventContent)
    return shaped(event, OrderEvent, from_=event.from_status, to=event.to_status, data=data)
