"""Turns committed facts into deliveries, and stores how far it is in the same transaction.

Nothing is told of a transaction that was rolled back, because the feeds contain committed rows
only. If a process is killed, its transaction is rolled back with the mark, and the next one tells
the same events.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from uuid import NAMESPACE_URL, UUID, uuid5

from django.db import transaction

from larder.core.clock import Stopwatch
from larder.core.ids import new_id
from larder.db import feed
from larder.db.feed import Mark, SinceExpired
from larder.inventory.changes import CHANGES
from larder.inventory.queries import StockState, stock_states, stock_states_after
from larder.orders.services.refunds import tell_refunds
from larder.relay.channels import Channel, Event
from larder.relay.event_types import TOLD_AS
from larder.relay.models import RelayMark
from larder.relay.queries import ORDER_EVENTS, order_events
from larder.relay.services import deliveries, told_stock

logger = logging.getLogger(__name__)

EVENTS = 1_000
"""Events of one transaction."""

SECONDS = 1.0
"""Between two stored marks if nothing is told, and between two looks at refunds and low stock."""

LOOKED_AT = 500
"""Products of one look at low stock, the next ones each time."""

ORDERS, PRODUCTS = "orders", "products"
FEEDS = {ORDERS: ORDER_EVENTS, PRODUCTS: CHANGES}


class MarkMoved(RuntimeError):
    """Another process has moved the mark, and tells these events."""


@dataclass(slots=True)
class _Position:
    """How far a feed was read, and how far that is stored. `ahead` are events behind the mark that
    were told (larder/relay/queries.py: order_events)."""

    mark: Mark
    ahead: frozenset[UUID]
    stored: Mark = field(init=False)
    since: Stopwatch = field(init=False)

    def __post_init__(self) -> None:
        self.note_stored()

    def note_stored(self) -> None:
        """Notes that this position is stored."""
        self.stored, self.since = self.mark, Stopwatch()


class Relay:
    """Tells the channels what was committed. One process does so at a time; a second one would fail
    to move the marks. After an error it is replaced by a new one, which reads the marks again."""

    def __init__(self, channels: Sequence[Channel]) -> None:
        self._channels = channels
        self._positions: dict[str, _Position] = {}
        self._wants_orders = True
        self._product = 0
        self._looked: Stopwatch | None = None

    def once(self, *, now: datetime, limit: int = EVENTS) -> bool:
        """Tells up to `limit` events of each feed. Returns whether there are more. `now` is when
        refunds became due and stock changed. Raises MarkMoved."""
        more = self._from(ORDERS, self._orders, limit)
        more |= self._from(PRODUCTS, partial(self._products, now), limit)
        if self._looked is None or self._looked.seconds >= SECONDS:
            self._looked = Stopwatch()
            self._tell(lambda: (_refunds(now, limit), False))
            self._tell(lambda: (self._low_stock(now), False))
        return more

    def _from(self, name: str, relay: Callable[[_Position, int], bool], limit: int) -> bool:
        try:
            return relay(self._position(name), limit)
        except SinceExpired:
            self._begin_anew(name)
            return False

    def _orders(self, position: _Position, limit: int) -> bool:
        if not self._wants_orders:
            self._pass_over(position)
            return False
        page = order_events(position.mark, position.ahead, limit=limit)
        if page.mark != position.mark:
            position.mark, position.ahead = page.mark, page.ahead
            self._tell(lambda: (page.events, False), position, ORDERS)
        return page.more

    def _pass_over(self, position: _Position) -> None:
        """Moves the mark to the end, if nobody wants the events before it: in this order, so that a
        target is told what was committed after it was added."""
        if position.since.seconds < SECONDS:
            return
        end = feed.begin(ORDER_EVENTS)
        self._wants_orders = not self._wanted().isdisjoint(TOLD_AS.values())
        if not self._wants_orders:
            position.mark, position.ahead = end, frozenset()
            self._tell(lambda: ([], True), position, ORDERS)

    def _products(self, now: datetime, position: _Position, limit: int) -> bool:
        page = feed.read(CHANGES, position.mark, limit=limit)
        if not page.subjects:
            return False
        position.mark = page.mark

        def events() -> tuple[list[Event], bool]:
            rows, states = set(page.rows), stock_states(set(page.subjects))
            changed = [
                _product_changed(state, page.mark.epoch)
                for state in states
                if (state.changed_in, state.product) in rows
            ]
            return [*changed, *told_stock.changes(states, now=now)], True

        self._tell(events, position, PRODUCTS)
        return page.more

    def _low_stock(self, now: datetime) -> list[Event]:
        states = stock_states_after(self._product, limit=LOOKED_AT)
        self._product = states[-1].product if len(states) == LOOKED_AT else 0
        return told_stock.changes(states, now=now)

    def _tell(
        self,
        read: Callable[[], tuple[Sequence[Event], bool]],
        position: _Position | None = None,
        name: str = "",
    ) -> None:
        """Stores the deliveries of the events that `read` returns, and the position: at once if
        there are any or `read` says so, otherwise from time to time."""
        with transaction.atomic(durable=True):
            events, stores = read()
            stores |= bool(events) and self._deliver(events)
            if position is None:
                return
            stores |= position.since.seconds >= SECONDS
            if stores:
                _store(name, position)
        if stores:
            position.note_stored()

    def _deliver(self, events: Sequence[Event]) -> bool:
        wanted = self._wanted()
        self._wants_orders = not wanted.isdisjoint(TOLD_AS.values())
        events = [event for event in events if event.type in wanted]
        is_told = False
        for channel in self._channels if events else ():
            new = channel.fan_out(events)
            deliveries.store(channel.name, new)
            is_told |= bool(new)
        return is_told

    def _wanted(self) -> set[str]:
        return {name for channel in self._channels for name in channel.wanted()}

    def _position(self, name: str) -> _Position:
        if name not in self._positions:
            row = RelayMark.objects.filter(feed=name).first() or _begin(name)
            mark = Mark(row.epoch, row.transaction_id, row.number)
            self._positions[name] = _Position(mark, frozenset(row.ahead))
        return self._positions[name]

    def _begin_anew(self, name: str) -> None:
        """Begins at the end, because the database was replaced: what it was told is not known."""
        details = {"feed": name, "do": "Let receivers read the present state once."}
        logger.warning("The relay begins anew.", extra={"details": details})
        RelayMark.objects.filter(feed=name).delete()
        self._positions.pop(name, None)


def _begin(name: str) -> RelayMark:
    mark = feed.begin(FEEDS[name])
    if name == PRODUCTS:
        told_stock.remember_all()
    else:
        with transaction.atomic(durable=True):
            while tell_refunds(limit=EVENTS):
                pass
    return RelayMark.objects.get_or_create(feed=name, defaults=mark._asdict())[0]


def _store(name: str, position: _Position) -> None:
    rows = RelayMark.objects.filter(feed=name, **position.stored._asdict())
    moved = rows.update(**position.mark._asdict(), ahead=sorted(position.ahead))
    if not moved:
        raise MarkMoved(name)


def _product_changed(state: StockState, epoch: str) -> Event:
    id = uuid5(NAMESPACE_URL, f"{epoch}/{state.product}/{state.changed_in}")
    return Event(id, "product.changed", str(state.product), state.updated_at, None, {})


def _refunds(now: datetime, limit: int) -> list[Event]:
    told = (refund for refund in tell_refunds(limit=limit) if refund.is_more)
    return [
        Event(new_id(), "refund.due", str(order), now, customer, {"currency": currency})
        for order, currency, _, customer in told
    ]
