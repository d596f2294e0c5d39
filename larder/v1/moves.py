"""The moves of a placed order, such as packing it, and the correction of its tracking number."""

from collections.abc import Callable
from functools import partial
from typing import Annotated
from uuid import UUID

import msgspec
from django.http import HttpRequest
from msgspec import UNSET, Meta, UnsetType

from larder.catalog.fields import TRIMMED
from larder.core.clock import now
from larder.core.limits import MAX_CODE_LENGTH, MAX_LINES, MAX_ORDERED_UNITS
from larder.identity.caller import Caller
from larder.orders import queries
from larder.orders.lifecycle import PERMISSIONS
from larder.orders.services import moves
from larder.orders.services.batches import confirm_order as confirm
from larder.orders.services.moves import Picked, Tracking
from larder.orders.services.transitions import Moved, TransitionRequest
from larder.v1.http import Answer, claim, version_wanted
from larder.v1.operations import KEYED, QUOTA, TAGGED, VERSIONED, Trait, operation
from larder.v1.order_shapes import Order, shown
from larder.v1.shapes import Id, Quantity, Request, Short


class Cancellation(Request):
    """The reason of a cancellation."""

    reason: Short = ""


class PickedLine(Request):
    """The picked units of a line. Of the other units, `missing` were not on the shelf; the rest can
    be ordered again."""

    product: Id
    quantity: Annotated[int, Meta(ge=0, le=MAX_ORDERED_UNITS)]
    missing: bool = True


class Packing(Request):
    """The picked units. Lines that are not named were picked completely. A repeat names the same
    lines, or none."""

    lines: Annotated[list[PickedLine], Meta(min_length=1, max_length=MAX_LINES)] | UnsetType = UNSET


class Moving(Request):
    """The body of a move without values."""


TrackingCode = Annotated[str, Meta(max_length=MAX_CODE_LENGTH, **TRIMMED)]


class Shipping(Request):
    """The carrier and its number of the parcel. A repeat names the same ones, or none."""

    carrier: TrackingCode | UnsetType | None = UNSET
    tracking_number: TrackingCode | UnsetType | None = UNSET


class TrackingWanted(Request):
    """The carrier and its number of the parcel, in place of those before; null if unknown."""

    carrier: TrackingCode | None
    tracking_number: TrackingCode | None


class ReturnedLine(Request):
    """Returned units of a product. Without `restock` they cannot be sold again."""

    product: Id
    quantity: Quantity
    restock: bool = True


class Return(Request):
    """The returned units and the reason. Without an `Idempotency-Key`, a repeat is booked as
    another return."""

    lines: Annotated[list[ReturnedLine], Meta(min_length=1, max_length=MAX_LINES)]
    reason: Annotated[Short, Meta(min_length=1, pattern=r"\S")]


MOVED = (KEYED, VERSIONED, TAGGED, Trait(codes=("invalid_transition", "stock_limit_exceeded")))
"""The traits of all moves. Idempotency keys of moves are kept as long as the orders."""

move = partial(operation, tag="orders", answers={200: Order}, traits=MOVED)


@move(
    problems=["conflicting_repeat"],
    for_others="orders.cancel_order",
    traits=[*MOVED, QUOTA],
    example={"reason": "Ordered by mistake."},
)
def cancel_order(request: HttpRequest, caller: Caller, order: UUID, body: Cancellation) -> Answer:
    """Cancels an order; its units can be ordered again. Customers can cancel until it is packed."""
    return _moved(request, caller, order, body, partial(moves.cancel_order, reason=body.reason))


@move(problems=["hold_expired"], permissions=["orders.confirm_order"])
def confirm_order(request: HttpRequest, caller: Caller, order: UUID, body: Moving) -> Answer:
    """Staff: confirms an order that awaits its payment, also an expired one whose units are still
    there."""
    return _moved(request, caller, order, body, confirm)


@move(
    problems=["conflicting_repeat", "precondition_required"],
    permissions=["orders.pack_order"],
    example={"lines": [{"product": 1, "quantity": 2, "missing": False}]},
)
def pack_order(request: HttpRequest, caller: Caller, order: UUID, body: Packing) -> Answer:
    """Staff: packs an order, perhaps with fewer units than ordered."""
    lines = [] if body.lines is UNSET else body.lines
    picked = [Picked(line.product, line.quantity, line.missing) for line in lines]
    return _moved(request, caller, order, body, partial(moves.pack_order, picked=picked))


@move(
    problems=["conflicting_repeat", "precondition_required"],
    permissions=["orders.ship_order"],
    example={"carrier": "Royal Mail", "tracking_number": "AB123456785GB"},
)
def ship_order(request: HttpRequest, caller: Caller, order: UUID, body: Shipping) -> Answer:
    """Staff: ships a packed order, perhaps with a carrier and a tracking number."""
    return _moved(request, caller, order, body, partial(moves.ship_order, tracking=_of(body)))


@move(
    permissions=["orders.change_order"],
    example={"carrier": "Royal Mail", "tracking_number": "AB123456794GB"},
)
def track_order(request: HttpRequest, caller: Caller, order: UUID, body: TrackingWanted) -> Answer:
    """Staff: corrects carrier and tracking number of an order that was shipped."""
    return _moved(request, caller, order, body, partial(moves.track_order, tracking=_of(body)))


@move(permissions=["orders.deliver_order"])
def deliver_order(request: HttpRequest, caller: Caller, order: UUID, body: Moving) -> Answer:
    """Staff: marks a shipped order as delivered."""
    return _moved(request, caller, order, body, moves.deliver_order)


@move(problems=["precondition_required"], permissions=["orders.pack_order"])
def unpack_order(request: HttpRequest, caller: Caller, order: UUID, body: Moving) -> Answer:
    """Staff: undoes packing. The order is placed again, with the units that were picked."""
    return _moved(request, caller, order, body, moves.unpack_order)


@move(problems=["precondition_required"], permissions=["orders.ship_order"])
def unship_order(request: HttpRequest, caller: Caller, order: UUID, body: Moving) -> Answer:
    """Staff: undoes shipping before the parcel has left. The order is packed again."""
    return _moved(request, caller, order, body, moves.unship_order)


@move(
    problems=["return_exceeds_shipped"],
    permissions=["orders.return_order"],
    example={"lines": [{"product": 1, "quantity": 1}], "reason": "One was broken."},
)
def return_order(request: HttpRequest, caller: Caller, order: UUID, body: Return) -> Answer:
    """Staff: books returned units of a shipped order. Each request without a key is one more
    return."""
    lines = [moves.ReturnedLine(line.product, line.quantity, line.restock) for line in body.lines]
    make = partial(moves.return_order, lines=lines, reason=body.reason)
    return _moved(request, caller, order, body, make)


def _of(body: Shipping | TrackingWanted) -> Tracking:
    return Tracking(body.carrier or "", body.tracking_number or "")


def _moved(
    request: HttpRequest,
    caller: Caller,
    order: UUID,
    body: msgspec.Struct,
    make: Callable[[TransitionRequest], Moved],
) -> Answer:
    """Makes a move and answers with the order after it, also to a caller who may make the move but
    may not view orders."""
    transition = TransitionRequest(
        order=order,
        caller=caller,
        now=now(),
        version=version_wanted(request),
        claim=claim(request, caller, msgspec.to_builtins(body), result=str(order)),
    )
    moved = make(transition)
    current = moved.order or queries.visible_order(order, caller, *PERMISSIONS.values())
    return Answer(shown(current), moved.replayed)
