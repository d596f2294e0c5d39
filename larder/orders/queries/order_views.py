"""Placed orders with their lines."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from larder.core.parts import Part
from larder.db import database
from larder.orders.amounts import Amount, amounts
from larder.orders.models import PAYMENT_SUMS, Order
from larder.orders.payment_state import Balances
from larder.orders.sql import reads


class LineView(Struct, frozen=True):
    """A line of a placed order. `unit_price` includes tax; `returned` counts returned units;
    `ordered` is the former quantity if fewer units were picked, otherwise None. `tax_rate` is that
    of the product when the line was placed; None if none was known."""

    id: int
    product: int
    sku: str
    name: str
    quantity: int
    unit_price: Decimal
    returned: int = 0
    ordered: int | None = None
    tax_rate: Decimal | None = None

    @property
    def line_total(self) -> Decimal:
        """Exact: quantity × unit price."""
        return self.unit_price * self.quantity


class OrderView(Struct, frozen=True):
    """An order with its lines in the order in which they were sent, by ascending id. `expires_at`
    is the expiry of its hold, if it was placed with one; `payments` are the sums of its payments,
    None without any. `carrier` and `tracking_number` are empty until it is shipped with them."""

    id: UUID
    number: int
    customer: int
    status: str
    currency: str
    total: Decimal
    note: str
    reference: str
    requested_for: date | None
    created_at: datetime
    placed_at: datetime
    updated_at: datetime
    version: int
    expires_at: datetime | None
    ship_to: dict[str, Any] | None
    lines: list[LineView]
    payments: Balances | None = None
    carrier: str = ""
    tracking_number: str = ""

    @property
    def kept(self) -> Decimal:
        """The exact sum of the lines without returned units."""
        back = [line.unit_price * line.returned for line in self.lines if line.returned]
        return self.total - sum(back, Decimal(0)) if back else self.total

    @property
    def amounts(self) -> list[Amount]:
        """What each line counts in the books (larder/orders/amounts.py), with returned units."""
        return amounts([(line.line_total, line.tax_rate) for line in self.lines], self.currency)


def view_of_row(row: Order, lines: list[LineView]) -> OrderView:
    """Returns a locked order as it is now, with its lines."""
    own: dict[str, Any] = {"customer": row.customer_id, "status": str(row.status), "lines": lines}
    own["payments"] = None
    if row.captured is not None:
        own["payments"] = Balances(*[getattr(row, name) for name in PAYMENT_SUMS])
    names = OrderView.__struct_fields__
    return OrderView(**{name: own[name] if name in own else getattr(row, name) for name in names})


def read(wanted: str, parameters: Sequence[Any]) -> list[OrderView]:
    """Returns the orders that a statement of `ORDERS` finds, in its order, with their lines: all of
    one snapshot."""
    rows = database.rows(reads.with_lines(wanted), parameters)
    return [_view(row, _lines_in.decode(lines)) for *row, lines in rows]


def first_part(wanted: str, parameters: Sequence[Any], *, limit: int) -> Part[OrderView]:
    """Returns up to `limit` of the orders that a statement of `ORDERS` finds, as `read` does: at
    least one, and as many as have up to `MAX_PAGE_LINES` lines and `MAX_PAGE_BYTES` of texts. The
    statement must find `limit + 1`."""
    rows = database.rows(reads.first_part(wanted), [*parameters, limit])
    views = [_view(row, _lines_in.decode(lines)) for *row, _, _, _, _, lines in rows]
    return Part(views, more=bool(rows) and rows[0][-5] > len(rows))


def parts(ids: Sequence[UUID]) -> Iterator[Part[OrderView]]:
    """Yields these orders in their order, without the texts of the customer, in parts as those of
    `first_part`."""
    while ids:
        some = list(ids[:ORDERS_OF_A_PART])
        part = first_part(reads.BRIEF_AS_GIVEN, [some, some], limit=len(some))
        ids = ids[len(part.rows) or len(some) :]
        yield replace(part, more=bool(ids))


ORDERS_OF_A_PART = 500
"""Orders that one statement of `parts` reads."""

_lines_in = msgspec.json.Decoder(list[LineView])
"""Reads the JSON of `reads.with_lines`."""


def _view(row: Sequence[Any], lines: list[LineView]) -> OrderView:
    """Returns the order of a row. Django reads PostgreSQL's JSON as text."""
    *before, carrier, tracking_number, authorised, captured, refunded, disputed, ship_to = row
    address = json.loads(ship_to) if isinstance(ship_to, str) else ship_to
    sums = (authorised, captured, refunded, disputed)
    payments = None if captured is None else Balances(*sums)
    return OrderView(*[*before, address, lines, payments, carrier, tracking_number])
