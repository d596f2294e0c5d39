"""Turns committed facts into deliveries, and stores how far it is in the same transaction.

Nothing is told of a transaction that was rolled back, because the feeds contain committed rows
only. If a process is killed, its transaction is rolled back with the mark, and the next one tells
the same events.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from django.db import transaction

from larder.core.clock import Stopwatch
from larder.core.ids import new_id
from larder.db import database, feed
from larder.db.feed import Feed, Mark, Page, SinceExpired
from larder.inventory.changes import CHANGES
from larder.inventory.queries import StockState, stock_states, stock_states_after
from larder.orders.services.payments import tell_refunds
from larder.relay import sql
from larder.relay.channels import Channel, Event
from larder.relay.models import RelayMark
from larder.relay.queries import ORDER_EVENTS, order_events
from larder.relay.services import deliveries
from larder.relay.services.account_mails import take_former

logger = logging.getLogger(__name__)

EVENTS = 250
"""Rows of a feed that are told in one transaction."""

SECONDS = 1.0
"""Between two looks at refunds, low stock and the mails of former releases."""

LOOKED_AT = 500
"""Products of one look at low stock, the next ones each time."""

ORDERS, PRODUCTS = "orders", "products"


class MarkMoved(RuntimeError):
    """Another process has moved the mark, and tells these events."""


class Relay:
    """Tells the channels what was committed. One process does so at a time; a second one would fail
    to move the marks."""

    def __init__(self, channels: Sequence[Channel]) -> None:
        self._channels = channels
        self._product = 0
        self._looked: Stopwatch | None = None

    def once(self, *, now: datetime, limit: int = EVENTS) -> bool:
        """Tells up to `limit` rows of each feed. Returns whether there are more. `now` is when
        refunds became due and stock changed. Raises MarkMoved."""
        more = [self._relay(name, now, limit) for name in FEEDS]
        if self._looked is None or self._looked.seconds >= SECONDS:
            self._looked = Stopwatch()
            with transaction.atomic(durable=True):
                take_former()
                self._deliver(_refunds(now, limit))
                self._deliver(self._low_stock(now))
        return any(more)

    def _relay(self, name: str, now: datetime, limit: int) -> bool:
        source, events = FEEDS[name]
        row = RelayMark.objects.filter(feed=name).first() or _begin(name)
        mark = Mark(row.epoch, row.transaction_id, row.number)
        try:
            page = feed.read(source, mark, limit=limit)
        except SinceExpired:
            # The database was replaced: what of it was told is not known.
            details = {"feed": name, "do": "Let receivers read the present state once."}
            logger.warning("The relay begins anew.", extra={"details": details})
            row.delete()
            return True
        if page.subjects:
            with transaction.atomic(durable=True):
                _move(name, mark, page.mark)
                self._deliver(events(mark, page, now))
        return page.more

    def _low_stock(self, now: datetime) -> list[Event]:
        states = stock_states_after(self._product, limit=LOOKED_AT)
        self._product = states[-1].product if len(states) == LOOKED_AT else 0
        return _stock_changes(states, now=now)

    def _deliver(self, events: Sequence[Event]) -> None:
        for channel in self._channels if events else ():
            deliveries.store(channel.name, channel.fan_out(events))


def _of_orders(after: Mark, page: Page, now: datetime) -> list[Event]:
    return order_events(set(page.subjects), after, page.mark)


def _of_products(after: Mark, page: Page, now: datetime) -> list[Event]:
    rows, states = set(page.rows), stock_states(set(page.subjects))
    changed = [
        _product_changed(state, after.epoch)
        for state in states
        if (state.changed_in, state.product) in rows
    ]
    return [*changed, *_stock_changes(states, now=now)]


FEEDS: Mapping[str, tuple[Feed, Callable[[Mark, Page, datetime], list[Event]]]] = {
    ORDERS: (ORDER_EVENTS, _of_orders),
    PRODUCTS: (CHANGES, _of_products),
}
"""The feeds, and what reads the events of a page after a mark."""


def _begin(name: str) -> RelayMark:
    mark = feed.begin(FEEDS[name][0])
    with transaction.atomic(durable=True):
        while name == ORDERS and tell_refunds(limit=EVENTS):
            pass
    return RelayMark.objects.get_or_create(feed=name, defaults=mark._asdict())[0]


def _move(name: str, former: Mark, mark: Mark) -> None:
    rows = RelayMark.objects.filter(feed=name, **former._asdict())
    if not rows.update(**mark._asdict()):
        raise MarkMoved(name)


def _product_changed(state: StockState, epoch: str) -> Event:
    id = uuid5(NAMESPACE_URL, f"{epoch}/{state.product}/{state.changed_in}")
    return Event(id, "product.changed", str(state.product), state.updated_at, None, {})


def _refunds(now: datetime, limit: int) -> list[Event]:
    return [
        Event(new_id(), "refund.due", str(order), now, customer, {"currency": currency})
        for order, currency, is_more, customer in tell_refunds(limit=limit)
        if is_more
    ]


_TYPES = {
    ("back", "low"): "stock.low",
    ("back", "out"): "stock.out",
    ("low", "out"): "stock.out",
    ("out", "low"): "stock.back",
    ("out", "back"): "stock.back",
}
"""The events by the former state of a product and the new one."""


def _stock_changes(states: Sequence[StockState], *, now: datetime) -> list[Event]:
    """Returns an event for each product on sale whose state is another than the one told last, and
    remembers it; the first one of a product is remembered alone. Must run within the transaction
    that tells them."""
    on_sale = {state.product: state.state for state in states if state.on_sale}
    values = {"products": [*on_sale], "states": [*on_sale.values()]}
    return [
        Event(new_id(), _TYPES[former, state], str(product), now, None, {})
        for product, former, state in database.rows(sql.TELL_STOCK, values)
        if (former, state) in _TYPES
    ]
