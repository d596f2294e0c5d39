"""The lifecycle of an order: which moves a status allows, and to whom. Pure.

placed → packed → shipped → delivered; placed and packed → cancelled; shipped → packed → placed as
long as nothing has left. Shipped units can be returned in parts, the last one makes the order
returned.

An order that awaits its payment is pending instead of placed, and then placed or expired. An
expired order is confirmed too if its units are still there.
"""

from enum import StrEnum


class Move(StrEnum):
    """A move of a placed order."""

    CHANGE = "change"
    CONFIRM = "confirm"
    CANCEL = "cancel"
    PACK = "pack"
    SHIP = "ship"
    DELIVER = "deliver"
    RETURN = "return"
    UNPACK = "unpack"
    UNSHIP = "unship"
    TRACK = "track"


PENDING = "pending"
EXPIRED = "expired"
PLACED = "placed"
PACKED = "packed"
SHIPPED = "shipped"
DELIVERED = "delivered"
CANCELLED = "cancelled"
RETURNED = "returned"

STATUSES = (PLACED, PACKED, SHIPPED, DELIVERED, CANCELLED, RETURNED, PENDING, EXPIRED)
"""The statuses of an order."""

SOLD = frozenset({PLACED, PACKED, SHIPPED, DELIVERED, RETURNED})
"""The statuses in which the books count an order as sold."""

DRAFT = "draft"
"""The status in which the events of an order begin that was a cart."""

HELD = frozenset({PENDING, EXPIRED})
"""The statuses of an order that is not confirmed. From its expiry on, a pending order counts as
expired, also before the status is stored."""

_AS = {Move.UNPACK: Move.PACK, Move.UNSHIP: Move.SHIP, Move.TRACK: Move.CHANGE}

PERMISSIONS: dict[Move, str] = {move: f"orders.{_AS.get(move, move)}_order" for move in Move}
"""The permission with which staff make a move on the order of any customer."""

EVENTS: dict[Move, str] = {
    Move.CHANGE: "changed",
    Move.CONFIRM: "confirmed",
    Move.CANCEL: "cancelled",
    Move.PACK: "packed",
    Move.SHIP: "shipped",
    Move.DELIVER: "delivered",
    Move.RETURN: "returned",
    Move.UNPACK: "unpacked",
    Move.UNSHIP: "unshipped",
    Move.TRACK: "tracked",
}
"""The type of the event of a move. Packing cancels an order of which nothing was picked."""

FOR_CUSTOMERS = frozenset({Move.CHANGE, Move.CANCEL})
"""All other moves are for staff alone."""

UNDONE: dict[Move, str] = {
    Move.PACK: "unpacked",
    Move.UNPACK: "unpacked",
    Move.SHIP: "unshipped",
    Move.UNSHIP: "unshipped",
}
"""The event that undoes a move. After it, a request for the move must name the version of the order
or have an idempotency key, because it may be a late repeat."""

REPEATABLE = {*UNDONE, Move.TRACK}
"""Moves that a late repeat could make again after another move. The key of such a request is kept
also if it found the move made."""

_BEGINS_IN: dict[Move, frozenset[str]] = {
    Move.CHANGE: frozenset({PLACED}),
    Move.CONFIRM: HELD,
    Move.CANCEL: frozenset({PENDING, EXPIRED, PLACED, PACKED}),
    Move.PACK: frozenset({PLACED}),
    Move.SHIP: frozenset({PACKED}),
    Move.DELIVER: frozenset({SHIPPED}),
    # A returned order has no units left to return: its lines refuse that, and name the products.
    Move.RETURN: frozenset({SHIPPED, DELIVERED, RETURNED}),
    Move.UNPACK: frozenset({PACKED}),
    Move.UNSHIP: frozenset({SHIPPED}),
    Move.TRACK: frozenset({SHIPPED, DELIVERED, RETURNED}),
}

_MADE_IN: dict[Move, frozenset[str]] = {
    Move.CONFIRM: SOLD,
    Move.CANCEL: frozenset({CANCELLED}),
    # Packing cancels an order of which nothing was picked.
    Move.PACK: frozenset({PACKED, SHIPPED, DELIVERED, RETURNED, CANCELLED}),
    Move.SHIP: frozenset({SHIPPED, DELIVERED, RETURNED}),
    # Shipped units can be returned before the order was delivered.
    Move.DELIVER: frozenset({DELIVERED, RETURNED}),
    Move.UNPACK: frozenset({PLACED, CANCELLED}),
    Move.UNSHIP: frozenset({PACKED, PLACED, CANCELLED}),
}
"""The statuses in which a move may have been made, and was not undone since; the events tell for
certain. Changes, returns and other tracking numbers are not in it, because they can be made several
times."""


def is_allowed(move: Move, status: str, *, by_staff: bool) -> bool:
    """Returns whether an order with this status can be moved by staff, or by its customer."""
    if by_staff:
        return status in _BEGINS_IN[move]
    return move in FOR_CUSTOMERS and status != PACKED and status in _BEGINS_IN[move]


def may_be_made(move: Move, status: str) -> bool:
    """Returns whether an order with this status may have made the move already."""
    return status in _MADE_IN.get(move, ())
