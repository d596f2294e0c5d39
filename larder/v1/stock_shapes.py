"""The bodies of stock: figures, adjustments, the ledger."""

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from larder.core.limits import MAX_LINES, MAX_WORD_LENGTH
from larder.v1.shapes import Actor, Change, Id, Link, Number, Request, Sku, Time, Units

Reason = Annotated[
    str,
    Meta(
        max_length=MAX_WORD_LENGTH,
        pattern=r"^[a-z][a-z0-9_]*\Z",
        extra={"form": "Expected a word of small letters, digits and _, such as received."},
    ),
]
Cause = Annotated[
    str,
    Meta(
        description="`opening`; of orders `order`, `change`, `cancel`, `pack` (not picked, back on"
        " sale), `missing` (not picked, not there), `ship`, `return`; or the reason of an"
        " adjustment. More may be added.",
        examples=["order", "ship", "received"],
    ),
]


class StockFigure(msgspec.Struct):
    """How many of a product can be ordered now."""

    product: Id
    quantity: int


class StockFigures(msgspec.Struct):
    """Figures of the listed products asked for, by id."""

    results: list[StockFigure]


class AdjustmentLine(Request):
    """One product, by `product` or `sku`; a change (`delta`) or a count of the shelf."""

    product: Id | UnsetType = UNSET
    sku: Sku | UnsetType = UNSET
    delta: Change | UnsetType = UNSET
    counted: Units | UnsetType = UNSET


class NewAdjustment(Request):
    """A correction of stock: received, correction, damaged, counted, or a word of your own."""

    reason: Reason
    lines: Annotated[list[AdjustmentLine], Meta(min_length=1, max_length=MAX_LINES)]


class AdjustedLine(msgspec.Struct):
    """What changed of a product, and what is available since."""

    product: Id
    delta: int
    balance: int


class Adjustment(msgspec.Struct):
    """An adjustment; lines that changed nothing are left out."""

    id: UUID
    reason: str
    actor: Actor
    at: Time
    lines: list[AdjustedLine]


class LedgerEntry(msgspec.Struct):
    """Why stock changed. `delta` and `balance` are of what is available, the others of what is
    ordered and not yet shipped; the balances are those after it."""

    delta: int
    committed_delta: Number
    balance: int
    committed_balance: Number
    cause: Cause
    reference: Annotated[
        str,
        Meta(
            description="What caused it: the `id` of an event of the `order`, or of an adjustment;"
            " of an opening that of the product."
        ),
    ]
    order: Annotated[
        UUID | None, Meta(description="The order whose event caused it; null where none did.")
    ]
    actor: Actor
    at: Time


class LedgerPage(msgspec.Struct):
    """A page of a product's ledger, newest first."""

    results: list[LedgerEntry]
    next: Link | None
