"""Placed orders with their lines."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Struct

from larder.core.limits import MAX_PAGE_BYTES, MAX_PAGE_LINES
from larder.core.parts import Part
from larder.db import database
from larder.orders.amounts import Amount, amounts
from larder.orders.models import PAYMENT_SUMS
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

    @property
    def kept_amounts(self) -> list[Amount]:
        """What each line counts without its returned units."""
        kept = [
            (line.unit_price * (line.quantity - line.returned), line.tax_rate)
            for line in self.lines
        ]
        return amounts(kept, self.currency)


def read(wanted: str, parameters: Sequence[Any]) -> list[OrderView]:
    """Returns the orders that a statement of `ORDERS` finds, in its order. Each order and its
    lines are of one snapshot."""
    return [one for part in parts(wanted, parameters) for one in part.rows]


def parts(wanted: str, parameters: Sequence[Any]) -> Iterator[Part[OrderView]]:
    """Yields the orders that a statement of `ORDERS` finds, in its order, in parts of up to
    `MAX_PAGE_LINES` lines and `MAX_PAGE_BYTES` of texts."""
    rows = database.rows(wanted, parameters)
    while rows:
        part, count = _part(wanted, parameters, rows[:MAX_PAGE_LINES])
        rows = rows[count:]
        yield replace(part, more=bool(rows))


def first_part(wanted: str, parameters: Sequence[Any], *, limit: int) -> Part[OrderView]:
    """Returns up to `limit` of the orders that a statement of `ORDERS` finds, in its order: at
    least one, and as many as have up to `MAX_PAGE_LINES` lines and `MAX_PAGE_BYTES` of texts. The
    statement must find `limit + 1`."""
    rows = database.rows(wanted, parameters)
    if not rows:
        return Part([])
    part, count = _part(wanted, parameters, rows[:limit])
    return replace(part, more=count < len(rows))


def _part(
    wanted: str, parameters: Sequence[Any], rows: Sequence[tuple[Any, ...]]
) -> tuple[Part[OrderView], int]:
    """Returns the first orders with their lines, and their number: at least one, because an order
    has at most 1,000 lines. Needs two statements with that of the rows, and a third if orders
    changed between them."""
    ids = [row[0] for row in rows]
    lines, versions, sizes, incomplete = _lines(ids)
    count = len(ids) if incomplete is None else max(1, ids.index(incomplete))
    count = _within_bytes(rows[:count], sizes)
    views = [_view(row, lines[row[0]]) for row in rows[:count]]
    last = views[-1]
    changed = {one.id for one in views if versions.get(one.id, one.version) != one.version}
    if changed:
        again = _whole(wanted, parameters, changed)
        views = [
            again.get(one.id, one) for one in views if one.id in again or one.id not in changed
        ]
    return Part(views, last=last), count


def _whole(wanted: str, parameters: Sequence[Any], ids: set[UUID]) -> dict[UUID, OrderView]:
    """Returns those of the orders that the statement still finds, with their lines, of one
    snapshot."""
    rows = database.rows(reads.whole(wanted), [*parameters, list(ids)])
    return {row[0]: _view(row, _lines_in.decode(lines or "[]")) for *row, lines in rows}


_lines_in = msgspec.json.Decoder(list[LineView])
"""Reads the JSON of `reads.whole`."""


class _Lines(NamedTuple):
    """By order: its lines, its version when they were read, and the bytes of the texts of all lines
    up to its last; and the order at which the read reached the limit of lines, if it did.
    """

    lines: dict[UUID, list[LineView]]
    versions: dict[UUID, int]
    sizes: dict[UUID, int]
    incomplete: UUID | None


def _lines(orders: list[UUID]) -> _Lines:
    """Returns the lines of the orders, as many as `reads.LINES` finds."""
    lines: dict[UUID, list[LineView]] = defaultdict(list)
    versions: dict[UUID, int] = {}
    sizes: dict[UUID, int] = {}
    rows = database.rows(reads.LINES, [orders, orders[0]])
    for order, version, *line, size in rows:
        lines[order].append(LineView(*line))
        versions[order], sizes[order] = version, size
    return _Lines(lines, versions, sizes, rows[-1][0] if len(rows) > MAX_PAGE_LINES else None)


_texts_of = itemgetter(*(OrderView.__struct_fields__.index(one) for one in ("note", "reference")))
_as_json = msgspec.json.Encoder().encode


def _within_bytes(rows: Sequence[tuple[Any, ...]], sizes: Mapping[UUID, int]) -> int:
    """Returns how many of the first rows, with their lines, have texts of up to `MAX_PAGE_BYTES`:
    at least one. `sizes` are those of `_Lines`."""
    own = of_lines = 0
    for count, row in enumerate(rows):
        own += len(_as_json(_texts_of(row))) + len((row[-1] or "").encode())
        of_lines = sizes.get(row[0], of_lines)
        if count and own + of_lines > MAX_PAGE_BYTES:
            return count
    return len(rows)


_APART = {"ship_to", "lines", "payments"}
_PLAIN = [one for one in OrderView.__struct_fields__ if one not in _APART]
_PLAIN[_PLAIN.index("customer")] = "customer_id"
_columns = itemgetter(*[*_PLAIN, *PAYMENT_SUMS, "ship_to"])


def view_of(columns: Mapping[str, Any], lines: list[LineView]) -> OrderView:
    """Returns the order with these values of its columns, by name."""
    return _view(_columns(columns), lines)


def _view(row: Sequence[Any], lines: list[LineView]) -> OrderView:
    """Returns the order of a row. Django reads PostgreSQL's JSON as text."""
    *before, carrier, tracking_number, authorised, captured, refunded, disputed, ship_to = row
    address = json.loads(ship_to) if isinstance(ship_to, str) else ship_to
    sums = (authorised, captured, refunded, disputed)
    payments = None if captured is None else Balances(*sums)
    return OrderView(*[*before, address, lines, payments, carrier, tracking_number])
