"""The feed by which an app keeps a copy of a customer's orders: first all orders, then changes."""

from collections.abc import Sequence
from dataclasses import dataclass

from larder.db import feed
from larder.db.feed import Feed, Mark
from larder.orders.queries import (
    HistoryPosition,
    OrderFilter,
    OrderView,
    end_of,
    first_orders,
    history,
)
from larder.orders.sql import reads

CHANGES = Feed('"order"', "id", reads.OWN_ORDERS)
"""The orders of one customer, each once, at the position of its last change."""


@dataclass(frozen=True, slots=True)
class OrderProgress:
    """The state of a copy. `copied` is the last order of the first round, from the newest order to
    the oldest. Without it, the first round is complete, unless it is `beginning`."""

    mark: Mark
    copied: HistoryPosition | None = None
    beginning: bool = False


@dataclass(frozen=True, slots=True)
class OrderChanges:
    """The current state of changed orders, each once, and the state of the copy."""

    orders: Sequence[OrderView]
    progress: OrderProgress
    more: bool


def order_changes(customer: int, after: OrderProgress | None, *, limit: int) -> OrderChanges:
    """Returns up to `limit` orders of a customer that changed, with up to `MAX_PAGE_LINES`
    lines. `after` None begins a new copy.

    Orders that change during the first round follow after it. Raises SinceExpired.
    """
    if after is None:
        after = OrderProgress(feed.begin(CHANGES, parameters=[customer]), beginning=True)
    if after.beginning or after.copied is not None:
        return _copied(customer, after, limit)
    return _changed(customer, after.mark, limit)


def _copied(customer: int, after: OrderProgress, limit: int) -> OrderChanges:
    """Returns a page of the first round. The feed shows whether the mark is valid, and whether
    changes follow."""
    follows = feed.read(CHANGES, after.mark, limit=1, parameters=[customer])
    page = history(OrderFilter(customer=customer), after=after.copied, limit=limit)
    end = end_of(page)
    more = end is not None or bool(follows.subjects)
    return OrderChanges(page.rows, OrderProgress(after.mark, end), more)


def _changed(customer: int, mark: Mark, limit: int) -> OrderChanges:
    """Returns changed orders. They are read after the feed, so a change between the two reads is
    shown now and once more later."""
    page = feed.read(CHANGES, mark, limit=limit, parameters=[customer])
    orders = first_orders(page.subjects)
    if orders.more:
        page = page.up_to(page.subjects.index(orders.rows[-1].id))
    return OrderChanges(orders.rows, OrderProgress(page.mark), page.more)
