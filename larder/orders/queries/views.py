"""Placed orders, whole: each with its lines."""

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from larder.common import database
from larder.orders import sql


class LineView(Struct, frozen=True):
    """A line as it was sold. `unit_price` is net; `returned` counts units that came back;
    `ordered` what the quantity was before fewer were picked, and is None where they were not."""

    id: int
    product: int
    sku: str
    name: str
    quantity: int
    unit_price: Decimal
    returned: int = 0
    ordered: int | None = None

    @property
    def line_total(self) -> Decimal:
        """Exact: quantity × unit price."""
        return self.unit_price * self.quantity


class OrderView(Struct, frozen=True):
    """An order with its lines in the order they were sent, by ascending id."""

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
    ship_to: dict[str, Any] | None
    lines: list[LineView]


def read(wanted: str, parameters: Sequence[Any]) -> list[OrderView]:
    """The orders that a statement of `sql.ORDERS` finds, in its order. Two statements, and a third
    where orders were changed between them: each order is as it was at one moment."""
    rows = database.rows(wanted, parameters)
    if not rows:
        return []
    lines, versions = _lines([row[0] for row in rows])
    views = [_view(row, lines[row[0]]) for row in rows]
    changed = {one.id for one in views if versions.get(one.id, one.version) != one.version}
    if not changed:
        return views
    again = _whole(wanted, parameters, changed)
    return [again.get(one.id, one) for one in views if one.id in again or one.id not in changed]


def _whole(wanted: str, parameters: Sequence[Any], ids: set[UUID]) -> dict[UUID, OrderView]:
    """Those of the orders that the statement still finds, read with their lines in one snapshot."""
    rows = database.rows(sql.whole(wanted), [*parameters, list(ids)])
    return {row[0]: _view(row, _lines_in.decode(lines or "[]")) for *row, lines in rows}


_lines_in = msgspec.json.Decoder(list[LineView])
"""Reads the JSON of `sql.whole`."""


def _lines(orders: list[UUID]) -> tuple[dict[UUID, list[LineView]], dict[UUID, int]]:
    """Of each order its lines, and its version as they were read."""
    lines: dict[UUID, list[LineView]] = defaultdict(list)
    versions: dict[UUID, int] = {}
    for order, version, *line in database.rows(sql.LINES, [orders]):
        lines[order].append(LineView(*line))
        versions[order] = version
    return lines, versions


def _view(row: Sequence[Any], lines: list[LineView]) -> OrderView:
    """Django has PostgreSQL's JSON read as text."""
    *before, ship_to = row
    address = None if ship_to is None else json.loads(ship_to)
    return OrderView(*[*before, address, lines])
