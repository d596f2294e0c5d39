"""Books what changes an order's sales after it was placed, in the transaction of the change.

What was booked in a period stays as it was: a cancellation, a return, or a change of the lines is a
row of its own (SalesChange) in the period in which it happens.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from larder.orders.amounts import Amount, amounts
from larder.orders.models import Order, SalesChange
from larder.orders.queries import LineView


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
        _change(order, type, was.get(product), is_now.get(product), now)
        for product in dict.fromkeys([*was, *is_now])
        if was.get(product) != is_now.get(product)
    ]
    if changes:
        SalesChange.objects.bulk_create(changes)


class _Counted(NamedTuple):
    """What a line counts, and what of it without its returned units."""

    line: LineView
    sold: Amount
    kept: Amount

    def values(self) -> dict[str, int | None]:
        """Returns the columns of a row, if the line was not there before."""
        sold, kept = self.sold, self.kept
        nets = None if sold.net is None or kept.net is None else sold.net - kept.net
        return {
            "quantity": self.line.quantity,
            "gross": sold.gross,
            "net": sold.net,
            "returned": self.line.returned,
            "returned_gross": sold.gross - kept.gross,
            "returned_net": nets,
        }


def _counted(lines: Sequence[LineView], currency: str) -> dict[int, _Counted]:
    sold = amounts([(line.line_total, line.tax_rate) for line in lines], currency)
    left = [(line.unit_price * (line.quantity - line.returned), line.tax_rate) for line in lines]
    counted = zip(lines, sold, amounts(left, currency), strict=True)
    return {line.product: _Counted(line, *both) for line, *both in counted}


def _change(
    order: Order, type: str, before: _Counted | None, after: _Counted | None, now: datetime
) -> SalesChange:
    """Assumes that one of them is there. A line keeps its price and its rate."""
    line = (after or before).line  # type: ignore[union-attr]
    was = before.values() if before else {}
    is_now = after.values() if after else {}
    names = dict.fromkeys([*was, *is_now])
    unknown = line.tax_rate is None
    return SalesChange(
        order_id=order.id,
        version=order.version + 1,
        product=line.product,
        type=type,
        at=now,
        sku=line.sku,
        name=line.name,
        unit_price=line.unit_price,
        tax_rate=line.tax_rate,
        **{
            name: None
            if unknown and name.endswith("net")
            else (is_now.get(name) or 0) - (was.get(name) or 0)
            for name in names
        },
    )
