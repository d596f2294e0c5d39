"""What is done to an order that was placed: cancelled, packed, shipped, delivered, returned."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any
from uuid import UUID

import msgspec
from django.http import HttpRequest, HttpResponse
from msgspec import UNSET, Meta, UnsetType

from larder.core.clock import now
from larder.core.limits import MAX_LINES, MAX_ORDERED_UNITS
from larder.db.idempotency import fingerprint
from larder.identity.caller import Caller
from larder.orders import queries
from larder.orders.lifecycle import PERMISSIONS
from larder.orders.services import moves, returns
from larder.orders.services.moves import Picked
from larder.orders.services.transitions import TransitionRequest
from larder.v1.http import claim, replay_headers, reply_tagged, version_wanted
from larder.v1.operations import KEYED, QUOTA, TAGGED, VERSIONED, Trait, operation
from larder.v1.orders import Order, shown, whose
from larder.v1.shapes import Id, Quantity, Request, Short


class Cancellation(Request):
    """Why an order is cancelled, in the words of whoever cancels it."""

    reason: Short = ""


class PickedLine(Request):
    """How many units of a line were picked. The rest is `missing` from the shelf, or back on it."""

    product: Id
    quantity: Annotated[int, Meta(ge=0, le=MAX_ORDERED_UNITS)]
    missing: bool = True


class Packing(Request):
    """What was picked. Lines that are not named were picked in full. A repeat names the same, or
    none at all."""

    lines: Annotated[list[PickedLine], Meta(min_length=1, max_length=MAX_LINES)] | UnsetType = UNSET


class Moving(Request):
    """A move that says all by itself."""


class ReturnedLine(Request):
    """Units that came back. Without `restock` they cannot be sold again."""

    product: Id
    quantity: Quantity
    restock: bool = True


class Return(Request):
    """What came back, and why. Sent twice without an `Idempotency-Key` it is booked twice."""

    lines: Annotated[list[ReturnedLine], Meta(min_length=1, max_length=MAX_LINES)]
    reason: Annotated[Short, Meta(min_length=1, pattern=r"\S")]


MOVED = Trait(
    (*KEYED.headers, *VERSIONED.headers, *TAGGED.headers),
    (*KEYED.codes, *VERSIONED.codes, "not_found", "invalid_transition", "stock_limit_exceeded"),
    KEYED.repeats_with | VERSIONED.repeats_with,
)
"""What all moves have in common. Keys of moves that were made are kept for ever, as orders are."""

move = partial(operation, tag="orders", answers={200: Order}, traits=[MOVED])


@move(
    problems=["conflicting_repeat"],
    for_others="orders.cancel_order",
    traits=[MOVED, QUOTA],
)
def cancel_order(
    request: HttpRequest, caller: Caller, order: UUID, body: Cancellation
) -> HttpResponse:
    """Cancels an order; its units can be ordered again. Customers can until it is packed."""
    return _moved(request, caller, order, body, lambda wanted: _cancel(wanted, body))


@move(problems=["conflicting_repeat"], permissions=["orders.pack_order"])
def pack_order(request: HttpRequest, caller: Caller, order: UUID, body: Packing) -> HttpResponse:
    """Staff: the order is packed, of some lines perhaps fewer than ordered."""
    return _moved(request, caller, order, body, lambda wanted: _pack(wanted, body))


@move(permissions=["orders.ship_order"])
def ship_order(request: HttpRequest, caller: Caller, order: UUID, body: Moving) -> HttpResponse:
    """Staff: the packed order leaves the house."""
    return _moved(request, caller, order, body, moves.ship_order)


@move(permissions=["orders.deliver_order"])
def deliver_order(request: HttpRequest, caller: Caller, order: UUID, body: Moving) -> HttpResponse:
    """Staff: the order has arrived."""
    return _moved(request, caller, order, body, moves.deliver_order)


@move(problems=["return_exceeds_shipped"], permissions=["orders.return_order"])
def return_order(request: HttpRequest, caller: Caller, order: UUID, body: Return) -> HttpResponse:
    """Staff: units of a shipped order came back. Each request without a key is one more."""
    return _moved(request, caller, order, body, lambda wanted: _return(wanted, body))


def _cancel(request: TransitionRequest, body: Cancellation) -> bool:
    return moves.cancel_order(request, reason=body.reason)


def _pack(request: TransitionRequest, body: Packing) -> bool:
    lines = [] if body.lines is UNSET else body.lines
    picked = [Picked(one.product, one.quantity, one.missing) for one in lines]
    return moves.pack_order(request, picked=picked)


def _return(request: TransitionRequest, body: Return) -> bool:
    lines = [returns.ReturnedLine(one.product, one.quantity, one.restock) for one in body.lines]
    return returns.return_order(request, lines=lines, reason=body.reason)


def _moved(
    request: HttpRequest,
    caller: Caller,
    order: UUID,
    body: msgspec.Struct,
    make: Callable[[TransitionRequest], Any],
) -> HttpResponse:
    """Makes a move and answers with the order as it stands then, also to a caller who may make the
    move but may not view orders."""
    transition_request = TransitionRequest(
        order=order,
        caller=caller,
        now=now(),
        version=version_wanted(request),
        claim=claim(request, caller, fingerprint(msgspec.to_builtins(body)), result=str(order)),
    )
    headers = replay_headers(replayed=make(transition_request))
    found = queries.order(order, customer=whose(caller, *PERMISSIONS.values()))
    return reply_tagged(request, shown(found), version=found.version, headers=headers)
