"""All orders of a filter, however many: read in parts, so that memory does not grow with them."""

from collections.abc import Iterator

from larder.db import database
from larder.orders.queries.history import HistoryPosition, OrderFilter, history
from larder.orders.queries.views import OrderView

PART = 100
"""Orders in memory at once, with at most 5,000 lines and 512 KiB of texts together."""


def walk(wanted: OrderFilter, *, part: int = PART) -> Iterator[list[OrderView]]:
    """Parts of the history, newest first, each as it stands when it is read.

    Each part is a page of its own, so whoever takes their time with it keeps no transaction
    open and no connection busy. An order that was placed after the walk began is not in it, and
    none is in it twice.
    """
    after: HistoryPosition | None = None
    while True:
        page = history(wanted, after=after, limit=part)
        database.release()
        if page.orders:
            yield page.orders
        if page.next is None:
            return
        after = page.next
