"""The bodies of what is done to an order that was placed."""

from datetime import date
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from larder.core.limits import MAX_LINES, MAX_ORDERED_UNITS
from larder.v1.shapes import Address, Id, NewLine, Quantity, Request, Short, Text


class OrderFields(Request):
    """What can be changed of a placed order; only the fields given are changed. `lines` is the
    whole new set of them: a product that it does not name is taken off. To take off the last,
    cancel the order."""

    lines: Annotated[list[NewLine], Meta(min_length=1, max_length=MAX_LINES)] | UnsetType = UNSET
    note: Text | UnsetType = UNSET
    reference: Short | UnsetType = UNSET
    ship_to: Address | UnsetType | None = UNSET
    requested_for: date | UnsetType | None = UNSET


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
