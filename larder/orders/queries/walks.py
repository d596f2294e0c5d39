"""Reads any number of orders in parts, so that memory does not grow with their number."""

from collections.abc import Iterator

from larder.db import database
from larder.orders.queries.history import HistoryPosition, OrderFilter, end_of, history
from larder.orders.queries.views import OrderView

PART = 100
"""Orders in memory at once, with at most 5,000 lines and 512 KiB of texts together."""


def walk(wanted: OrderFilter, *, part: int = PART) -> Iterator[list[OrderView]]:
    """Yields parts of the history, newest first, each in its state when it is read.

    Each part is a separate page, so a slow caller keeps no transaction open and no connection busy.
    Orders that are placed after the walk began are not in it, and no order is in it twice.
    """
    after: HistoryPosition | None = None
    while True:
        page = history(wanted, after=after, limit=part)
        database.release()
        if page.rows:
            yield page.rows
        after = end_of(page)
        if after is None:
            return
