"""Books what changes an order's sales after it was placed, in the transaction of the change.

What was booked in a period stays as it was: a cancellation, a return, or a change of the lines is a
row of its own (SalesChange) in the period in which it happens.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from larder.db import database
from larder.orders.amounts import Amount, amounts
from larder.orders.models import Order
from larder.orders.queries import LineView
from larder.orders.sql import sales


def book_sales(
    order: Order,
    type: str,
    *,
    before: Sequence[LineView],
    after: Sequence[LineView],
    now: datetime,
) -> None:
    """Writes the difference of each line that counts otherwise than before. An order that is not
    sold, or no longer, has no lines.

    Assumes that the order is locked, and that its row has not changed yet.
    """
    was, is_now = _counted(before, order.currency), _counted(after, order.currency)
    changes = [
        _change(was.get(product), is_now.get(product))
        for product in dict.fromkeys([*was, *is_now])
        if was.get(product) != is_now.get(product)
    ]
    if changes:
        row = [order.id, order.version + 1, type, now]
        database.execute(sales.BOOK_CHANGES, [*row, *database.columns(changes)])


class _Counted(NamedTuple):
    """What a line counts, and what of it without its returned units."""

    line: LineView
    sold: Amount
    kept: Amount

    def values(self) -> tuple[int | None, ...]:
        """Returns units, gross and net of what is sold, and then of what came back. Without a tax
        rate there is no net."""
        sold, kept = self.sold, self.kept
        nets = None if sold.net is None or kept.net is None else sold.net - kept.net
        returned = self.line.returned, sold.gross - kept.gross, nets
        return (self.line.quantity, sold.gross, sold.net, *returned)


def _counted(lines: Sequence[LineView], currency: str) -> dict[int, _Counted]:
    sold = amounts([(line.line_total, line.tax_rate) for line in lines], currency)
    left = [(line.unit_price * (line.quantity - line.returned), line.tax_rate) for line in lines]
    counted = zip(lines, sold, amounts(left, currency), strict=True)
    return {line.product: _Counted(line, *both) for line, *both in counted}


def _change(before: _Counted | None, after: _Counted | None) -> tuple[Any, ...]:
    """Returns the columns of `BOOK_CHANGES` that differ between lines. Assumes that one of the
    two is there. A line keeps its price and its rate."""
    line = (after or before).line  # type: ignore[union-attr]
    was = before.values() if before else _NOTHING
    is_now = after.values() if after else _NOTHING
    differences = [
        None if now is None or then is None else now - then
        for now, then in zip(is_now, was, strict=True)
    ]
    return (line.product, line.sku, line.name, line.unit_price, line.tax_rate, *differences)


_NOTHING = (0, 0, 0, 0, 0, 0)
"""What a line that is not there counts."""
