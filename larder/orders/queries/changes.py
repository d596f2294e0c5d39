"""A customer's copy of their orders that stays up to date: first all, then what changed."""

from collections.abc import Sequence
from dataclasses import dataclass

from larder.db import feed
from larder.db.feed import Feed, Mark
from larder.orders import sql
from larder.orders.queries.history import HistoryPosition, OrderFilter, history
from larder.orders.queries.placed import first_orders
from larder.orders.queries.views import OrderView

CHANGES = Feed('"order"', "id", sql.OWN_ORDERS)
"""The orders of one customer, each once: where its last change put it."""


@dataclass(frozen=True, slots=True)
class OrderProgress:
    """How far a copy is. `copied` is the last order of the first round, which goes from the
    newest to the oldest; without it that is through, unless it is only `beginning`."""

    mark: Mark
    copied: HistoryPosition | None = None
    beginning: bool = False


@dataclass(frozen=True, slots=True)
class OrderChanges:
    """Placed orders as they stand, each once; how far the copy is."""

    orders: Sequence[OrderView]
    progress: OrderProgress
    more: bool


def order_changes(customer: int, after: OrderProgress | None, *, limit: int) -> OrderChanges:
    """Up to `limit` orders of a customer, and up to `MAX_PAGE_LINES` lines and `MAX_PAGE_BYTES` of
    texts: None begins with all of them.

    What changes while they are copied comes again behind them. Raises SinceExpired.
    """
    if after is None:
        after = OrderProgress(feed.begin(CHANGES, parameters=[customer]), beginning=True)
    if after.beginning or after.copied is not None:
        return _copied(customer, after, limit)
    return _changed(customer, after.mark, limit)


def _copied(customer: int, after: OrderProgress, limit: int) -> OrderChanges:
    """A page of the first round. The feed is looked at too: it knows whether the mark still
    holds, and whether anything follows."""
    follows = feed.read(CHANGES, after.mark, limit=1, parameters=[customer])
    page = history(OrderFilter(customer=customer), after=after.copied, limit=limit)
    if page.next is not None:
        return OrderChanges(page.orders, OrderProgress(after.mark, page.next), more=True)
    return OrderChanges(page.orders, OrderProgress(after.mark), more=bool(follows.subjects))


def _changed(customer: int, mark: Mark, limit: int) -> OrderChanges:
    """The orders are read after the feed: what changes in between is shown now and comes again."""
    page = feed.read(CHANGES, mark, limit=limit, parameters=[customer])
    found = first_orders(page.subjects)
    if found.more and found.last:
        page = page.up_to(page.subjects.index(found.last[1]))
    return OrderChanges(found.rows, OrderProgress(page.mark), page.more)
