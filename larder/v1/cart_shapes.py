"""The bodies of the cart."""

from datetime import date
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from larder.core import money
from larder.core.limits import MAX_LINES, TOTAL_DIGITS
from larder.v1.shapes import Address, Id, Money, Quantity, Request, Short, Text

Total = Annotated[
    str,
    Meta(
        pattern=money.pattern(TOTAL_DIGITS),
        description="The total that the customer was shown; at any other the cart is not placed.",
        examples=["12.50"],
    ),
]


class WantedLine(Request):
    """How many units of a product."""

    product: Id
    quantity: Quantity


class CartLines(Request):
    """All lines of the cart; a product that is not among them is taken out."""

    lines: Annotated[list[WantedLine], Meta(max_length=MAX_LINES)]


class LineQuantity(Request):
    """How many units there are to be in all, not how many more."""

    quantity: Quantity


class Submission(Request):
    """What is said with an order, and what its customer was shown."""

    expected_total: Total | None = None
    note: Text = ""
    reference: Short = ""
    ship_to: Address | None = None
    requested_for: date | None = None


class Notice(msgspec.Struct):
    """What the customer should know of a line before they order, by `code`.

    Since it was put in: `price_changed` (`from`, `to`). What would be refused: `withdrawn`,
    `insufficient_stock` (`available`), `order_rule` (`min_quantity`, `max_per_order`, `step`).
    More codes may be added.
    """

    code: str
    from_: Money | UnsetType = msgspec.field(name="from", default=UNSET)
    to: Money | UnsetType = UNSET
    available: int | UnsetType = UNSET
    min_quantity: int | UnsetType = UNSET
    max_per_order: int | UnsetType | None = UNSET
    step: int | UnsetType = UNSET


class CartLine(msgspec.Struct):
    """A line at today's price; `available` is how many units can be ordered now."""

    product: Id
    sku: str
    name: str
    quantity: int
    unit_price: Money
    line_total: Money
    available: int
    notices: list[Notice]


class Cart(msgspec.Struct):
    """The customer's cart. Without one `id` is null and `version` 0."""

    id: UUID | None
    version: int
    lines: list[CartLine]
    currency: str
    total: Money
