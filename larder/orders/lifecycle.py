"""The lifecycle of an order: which move is allowed where, and to whom. Pure.

draft → placed → packed → shipped → delivered; placed and packed → cancelled; what was shipped
comes back in parts, and with the last of them the order is returned. A draft becomes an order by
being placed, which is no move of these.
"""

from enum import Enum, StrEnum


class Move(StrEnum):
    """What can be done to an order that was placed."""

    CHANGE = "change"
    CANCEL = "cancel"
    PACK = "pack"
    SHIP = "ship"
    DELIVER = "deliver"
    RETURN = "return"


class Verdict(Enum):
    """Whether a move is made. `MADE`: it was made before, and the order stands where it led to or
    beyond. `EVENTS_TELL`: it was perhaps; where the order stands does not tell, its events do."""

    ALLOWED = "allowed"
    MADE = "made"
    EVENTS_TELL = "events tell"
    NOT_ALLOWED = "not allowed"
    NOT_STAFF = "not staff"
    NOT_FOUND = "not found"


PLACED = "placed"
PACKED = "packed"
SHIPPED = "shipped"
DELIVERED = "delivered"
CANCELLED = "cancelled"
RETURNED = "returned"

STATUSES = (PLACED, PACKED, SHIPPED, DELIVERED, CANCELLED, RETURNED)
"""Where an order can stand once it was placed."""

PERMISSIONS: dict[Move, str] = {
    Move.CHANGE: "orders.change_order",
    Move.CANCEL: "orders.cancel_order",
    Move.PACK: "orders.pack_order",
    Move.SHIP: "orders.ship_order",
    Move.DELIVER: "orders.deliver_order",
    Move.RETURN: "orders.return_order",
}
"""The permission with which staff make a move on the order of any customer."""

_FOR_STAFF = frozenset({Move.PACK, Move.SHIP, Move.DELIVER, Move.RETURN})

_BEGINS_IN: dict[Move, frozenset[str]] = {
    Move.CHANGE: frozenset({PLACED}),
    Move.CANCEL: frozenset({PLACED, PACKED}),
    Move.PACK: frozenset({PLACED}),
    Move.SHIP: frozenset({PACKED}),
    Move.DELIVER: frozenset({SHIPPED}),
    # Of a returned order nothing is left: its lines say so, and name what was asked for too much.
    Move.RETURN: frozenset({SHIPPED, DELIVERED, RETURNED}),
}

_MADE_IN: dict[Move, frozenset[str]] = {
    Move.CANCEL: frozenset({CANCELLED}),
    Move.PACK: frozenset({PACKED, SHIPPED, DELIVERED, RETURNED}),
    Move.SHIP: frozenset({SHIPPED, DELIVERED, RETURNED}),
    Move.DELIVER: frozenset({DELIVERED}),
}
"""Where an order can only stand once the move was made. Changes and returns can be made again and
again, so that each is another one."""

_PERHAPS_MADE_IN: dict[Move, frozenset[str]] = {
    # An order of which nothing could be picked is cancelled by packing it.
    Move.PACK: frozenset({CANCELLED}),
    # What was shipped can come back without ever having been delivered.
    Move.DELIVER: frozenset({RETURNED}),
}


def judge(status: str, move: Move, *, by_staff: bool, by_owner: bool) -> Verdict:
    """Whether somebody may make the move on an order in this status."""
    if move in _FOR_STAFF and not by_staff:
        return Verdict.NOT_STAFF
    if status == "draft" or not (by_staff or by_owner):
        return Verdict.NOT_FOUND
    if status in _MADE_IN.get(move, ()):
        return Verdict.MADE
    if status in _PERHAPS_MADE_IN.get(move, ()):
        return Verdict.EVENTS_TELL
    begins_in = _BEGINS_IN[move] if by_staff else _BEGINS_IN[move] - {PACKED}
    return Verdict.ALLOWED if status in begins_in else Verdict.NOT_ALLOWED
