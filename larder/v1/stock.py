"""Stock: available units for all callers, adjustments and the ledger for staff."""

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any
from uuid import UUID

import msgspec
from django.http import HttpRequest
from msgspec import UNSET, Meta, UnsetType

from larder.core.clock import now
from larder.core.errors import Fault, InvalidInput
from larder.core.limits import MAX_LINES
from larder.core.parts import first
from larder.identity.caller import Caller
from larder.inventory import queries
from larder.inventory.services import adjustments
from larder.inventory.services.movements import CAUSES, OPENING
from larder.orders.queries import orders_of_events
from larder.v1.http import Answer, IdCursor, Listed, PageParameters, claim, shaped
from larder.v1.operations import CACHED, ECHOED, KEYED, Declaration
from larder.v1.shapes import (
    Actor,
    Change,
    Id,
    Ids,
    Number,
    Page,
    Request,
    Sku,
    Text,
    Time,
    Units,
    Word,
)

operation = partial(Declaration, tag="stock")

Cause = Annotated[
    str,
    Meta(
        description="`opening`; for orders `order`, `change`, `cancel`, `pack` (not picked, can be"
        " ordered again), `missing` (not picked, not on the shelf), `ship`, `unship`, `return`;"
        " or the reason of an adjustment. More may be added.",
        examples=["order", "ship", "received"],
    ),
]


_Note = Annotated[Text, Meta(description="A note of staff, such as the number of a delivery note.")]


class StockFigure(msgspec.Struct):
    """The number of units of a product that can be ordered now."""

    product: Id
    quantity: int


class StockFigures(msgspec.Struct):
    """The available units of the requested products that are on sale, by id."""

    results: list[StockFigure]


class AdjustmentLine(Request):
    """One product, by `product` or `sku`; a change (`delta`) or a count of the shelf."""

    product: Id | UnsetType = UNSET
    sku: Sku | UnsetType = UNSET
    delta: Change | UnsetType = UNSET
    counted: Units | UnsetType = UNSET


class NewAdjustment(Request):
    """An adjustment of stock. The reason is received, correction, damaged, counted, or another
    word."""

    reason: Word
    lines: Annotated[list[AdjustmentLine], Meta(min_length=1, max_length=MAX_LINES)]
    note: _Note | UnsetType = UNSET


class AdjustedLine(msgspec.Struct):
    """The change of a product's stock, and the units that are available after it."""

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
    note: _Note


class LedgerEntry(msgspec.Struct):
    """A change of stock with its cause. `delta` and `balance` count available units, the other two
    count units that are ordered and not yet shipped. Balances are those after the change."""

    delta: int
    committed_delta: Number
    balance: int
    committed_balance: Number
    cause: Cause
    reference: Annotated[
        str,
        Meta(
            description="The `id` of the cause: an event of the `order`, or an adjustment; for an"
            " opening the product."
        ),
    ]
    order: Annotated[
        UUID | None, Meta(description="The order whose event is the cause; null for other causes.")
    ]
    actor: Actor
    at: Time


class LedgerPage(Page[LedgerEntry]):
    """A page of a product's ledger, newest first."""


class StockParameters(msgspec.Struct):
    """The products to return."""

    products: Ids


@operation(answers={200: StockFigures}, traits=[CACHED, ECHOED])
def get_stock(query: StockParameters) -> StockFigures:
    """The number of units of each product that can be ordered now."""
    figures = queries.available([int(text) for text in query.products.split(",")])
    return StockFigures([StockFigure(*figure) for figure in figures.items()])


@operation(
    answers={201: Adjustment},
    problems=[
        "unknown_product",
        "insufficient_stock",
        "count_below_committed",
        "stock_limit_exceeded",
    ],
    traits=[KEYED],
    permissions=["inventory.add_adjustment"],
    example={"reason": "received", "lines": [{"product": 1, "delta": 5}]},
)
def adjust_stock(request: HttpRequest, caller: Caller, body: NewAdjustment) -> Answer:
    """Staff: adjusts stock, such as goods received, damaged or counted; all lines or none."""
    if faults := list(_faults(body)):
        raise InvalidInput(faults)
    id, replayed = adjustments.adjust_stock(
        [_line(line) for line in body.lines],
        adjustments.Cause(body.reason, body.note or ""),
        caller=caller,
        now=now(),
        claim=claim(request, caller, msgspec.to_builtins(body)),
    )
    adjustment, lines = queries.adjustment(id)
    adjusted = [AdjustedLine(**line._asdict()) for line in lines]
    return Answer(shaped(adjustment, Adjustment, lines=adjusted), replayed)


@operation(
    answers={200: LedgerPage},
    traits=[CACHED],
    permissions=["inventory.view_ledgerentry"],
)
def get_ledger(product: int, query: PageParameters, cursor: IdCursor | None) -> Listed:
    """Staff: the ledger of a product's stock, newest first."""
    ledger = queries.ledger(product, before=cursor.id if cursor else None, limit=query.rows + 1)
    part = first(ledger, query.rows)
    events = {UUID(entry.reference) for entry in part.rows if entry.cause in _OF_ORDERS}
    orders = {str(event): order for event, order in orders_of_events(events).items()}

    def shown(entry: Any) -> LedgerEntry:
        return shaped(entry, LedgerEntry, order=orders.get(entry.reference))

    return Listed(part, shown)


_OF_ORDERS = CAUSES - {OPENING}
"""The causes of entries that refer to an event of an order."""


def _faults(body: NewAdjustment) -> Iterator[Fault]:
    """Yields the faults that the struct cannot declare: a product must be named in one way, and a
    line has one kind of change."""
    if body.reason in CAUSES:
        yield Fault("/reason", "unknown_value", "This reason is reserved for the system.")
    for position, line in enumerate(body.lines):
        for name, other in (("product", "sku"), ("delta", "counted")):
            if (getattr(line, name) is UNSET) == (getattr(line, other) is UNSET):
                yield Fault(f"/lines/{position}", "one_of", f"Give either {name} or {other}.")


def _line(line: AdjustmentLine) -> adjustments.AdjustmentLine:
    return adjustments.AdjustmentLine(
        product=line.product if isinstance(line.product, int) else str(line.sku),
        delta=line.delta if isinstance(line.delta, int) else None,
        counted=line.counted if isinstance(line.counted, int) else None,
    )
