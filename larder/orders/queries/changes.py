"""The feed by which an app keeps a copy of a customer's orders: first all orders, then changes. And
the feed of events of orders."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import Struct

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


class EventView(Struct, frozen=True):
    """An event of an order: its customer, and the JSON that is told of it (reads.EVENT)."""

    customer: int
    told: msgspec.Raw


_ALL_EVENTS = Feed("order_event", "id")
_EVENTS = Feed("order_event", reads.EVENT, reads.EVENTS)
_EVENTS_OF_ONE = Feed("order_event", reads.EVENT, reads.EVENTS_OF_ONE)
_event_in = msgspec.json.Decoder(EventView)


@dataclass(frozen=True, slots=True)
class Events:
    """Events in their order, each with the mark after it, and the mark that was reached."""

    events: Sequence[tuple[Mark, EventView]]
    mark: Mark
    more: bool = False


def last_event() -> Mark:
    """Returns the mark after the last event that can be read."""
    return feed.begin(_ALL_EVENTS)


def events(after: Mark, customers: Collection[int] | None, limit: int) -> Events:
    """Returns up to `limit` events after a mark: those of these customers, None for all. The mark
    also passes the events of others. Raises SinceExpired."""
    end = last_event()
    if end == after:
        return Events([], after)
    whose = None if customers is None else list(customers)
    found = _read(_EVENTS, after, [whose, whose], limit)
    # What was visible to the first statement is visible to the second one.
    return found if found.more else Events(found.events, max(found.mark, end))


def events_of(customer: int, after: Mark, limit: int) -> Events:
    """Returns up to `limit` events of one customer after a mark, also after an old one. Raises
    SinceExpired."""
    return _read(_EVENTS_OF_ONE, after, [customer, str(after.transaction_id)], limit)


def require_known(mark: Mark) -> None:
    """Raises SinceExpired for the mark of another database."""
    feed.read(_ALL_EVENTS, mark, limit=1)


def _read(source: Feed, after: Mark, parameters: list[object], limit: int) -> Events:
    page = feed.read(source, after, limit=limit, parameters=parameters)
    marks = [Mark(page.mark.epoch, *place) for place in page.rows]
    views = map(_event_in.decode, page.subjects)
    return Events(list(zip(marks, views, strict=True)), page.mark, page.more)
