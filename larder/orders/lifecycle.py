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
    """Whether a move is made. `MADE`: it was made before, and the order stands as it left it."""

    ALLOWED = "allowed"
    MADE = "made"
    NOT_ALLOWED = "not allowed"
    NOT_STAFF = "not staff"
    NOT_FOUND = "not found"


PLACED = "placed"
PACKED = "packed"
SHIPPED = "shipped"
DELIVERED = "delivered"
CANCELLED = "cancelled"
RETURNED = "returned"

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

_LEADS_TO = {
    Move.CANCEL: CANCELLED,
    Move.PACK: PACKED,
    Move.SHIP: SHIPPED,
    Move.DELIVER: DELIVERED,
}
"""Where a move leads that can be made once only. Changes and returns follow each other."""


def judge(status: str, move: Move, *, by_staff: bool, by_owner: bool) -> Verdict:
    """Whether somebody may make the move on an order in this status."""
    if move in _FOR_STAFF and not by_staff:
        return Verdict.NOT_STAFF
    if status == "draft" or not (by_staff or by_owner):
        return Verdict.NOT_FOUND
    if _LEADS_TO.get(move) == status:
        return Verdict.MADE
    begins_in = _BEGINS_IN[move] if by_staff else _BEGINS_IN[move] - {PACKED}
    return Verdict.ALLOWED if status in begins_in else Verdict.NOT_ALLOWED
