"""Books what changes an order's sales after it was placed, in the transaction of the change: what
was booked in a period stays as it was.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from larder.db import database
from larder.orders.amounts import amounts
from larder.orders.models import Order
from larder.orders.queries import LineView
from larder.orders.sql import sales as sql


class Sale(NamedTuple):
    """What an order's lines were before a change of this type, and are after it. An order that is
    not sold, or no longer, has no lines."""

    order: Order
    type: str
    before: Sequence[LineView] = ()
    after: Sequence[LineView] = ()


def book_sales(sales: Sequence[Sale], now: datetime) -> None:
    """Writes the difference of each line that counts otherwise than before. Assumes that the orders
    are locked, and that their rows have not changed yet."""
    changes = [change for sale in sales for change in _changes(sale)]
    if changes:
        database.execute(sql.BOOK_CHANGES, [now, *database.columns(changes)])


def _changes(sale: Sale) -> Iterator[tuple[Any, ...]]:
    order = sale.order
    was, is_now = _counted(sale.before, order.currency), _counted(sale.after, order.currency)
    for line, *_ in {**was, **is_now}.values():
        (_, *then), (_, *now_counted) = (
            counted.get(line.product, (line, *_NOTHING)) for counted in (was, is_now)
        )
        differences = [
            None if old is None or new is None else new - old
            for old, new in zip(then, now_counted, strict=True)
        ]
        if any(differences):
            values = (line.product, line.sku, line.name, line.unit_price, line.tax_rate)
            yield (order.id, order.version + 1, sale.type, *values, *differences)


_NOTHING = (0, 0, 0, 0, 0, 0)
"""What a line that is not there counts."""


def _counted(lines: Sequence[LineView], currency: str) -> dict[int, tuple[Any, ...]]:
    """Returns each line by its product, with units, gross and net of what is sold, and then of what
    came back. Without a tax rate there is no net. A line keeps its price and its rate."""
    sold = amounts([(line.line_total, line.tax_rate) for line in lines], currency)
    left = sold
    if any(line.returned for line in lines):
        still = [line.unit_price * (line.quantity - line.returned) for line in lines]
        rates = [line.tax_rate for line in lines]
        left = amounts(zip(still, rates, strict=True), currency)
    counted = {}
    for line, all_units, kept in zip(lines, sold, left, strict=True):
        net = None if all_units.net is None or kept.net is None else all_units.net - kept.net
        returned = line.returned, all_units.gross - kept.gross, net
        counted[line.product] = (line, line.quantity, all_units.gross, all_units.net, *returned)
    return counted
