"""Books what changes an order's sales after it was placed, in the transaction of the change: what
was booked in a period stays as it was.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from larder.db import database
from larder.orders.models import Order
from larder.orders.queries import LineView
from larder.orders.queries.sales import NOTHING, counted, difference
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
    was, is_now = (counted(lines, order.currency) for lines in (sale.before, sale.after))
    for line in was | is_now:
        differences = difference(is_now.get(line, NOTHING), was.get(line, NOTHING))
        if any(differences):
            yield (order.id, order.version + 1, sale.type, *line, *differences)
