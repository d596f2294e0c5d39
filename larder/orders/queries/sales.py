"""The figures of the admin's dashboard, and what is booked in a period, for the accounts."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Min

from larder.core.money import amounts, from_minor
from larder.db import database
from larder.orders.lifecycle import EVENTS, SOLD, Move
from larder.orders.models import Order, SalesChange
from larder.orders.queries import LineView, OrderView, orders
from larder.orders.sql import sales


@dataclass(frozen=True, slots=True)
class DaySales:
    """The sales of a day in a currency.

    `orders` were placed on this day, and `cancelled` were sold before and cancelled on it.
    `revenue` is what was sold and changed on it, less what was cancelled or came back.
    """

    day: date
    currency: str
    orders: int
    cancelled: int
    revenue: Decimal


def day_sales(first: date, last: date, zone: ZoneInfo) -> list[DaySales]:
    """Returns the sales of these days of a time zone, one for each currency, by day. Days on which
    nothing was booked are not in it."""
    rows = database.rows(sales.DAY_SALES, [_midnights(first, last, zone)])
    return [
        DaySales(
            first + timedelta(days=day),
            currency,
            orders,
            cancelled,
            from_minor(int(units), currency),
        )
        for day, currency, orders, cancelled, units in rows
    ]


@dataclass(frozen=True, slots=True)
class Counted:
    """How many orders have a status, at most a limit, and when the oldest was placed."""

    orders: int
    oldest: datetime | None


def count_by_status(statuses: Sequence[str], *, limit: int) -> dict[str, Counted]:
    """Returns up to `limit` orders of each status, counted."""
    rows = database.rows(sales.COUNT_BY_STATUS, [list(statuses), limit])
    return {status: Counted(orders, oldest) for status, orders, oldest in rows}


def best_sellers(first: date, last: date, zone: ZoneInfo, *, limit: int) -> list[tuple[int, int]]:
    """Returns product ids and units of the best sellers of these days."""
    rows = database.rows(sales.BEST_SELLERS, [_midnights(first, last, zone), limit])
    return [(product, int(units)) for product, units in rows]


def _midnights(first: date, last: date, zone: ZoneInfo) -> list[datetime]:
    """Returns when each of these days begins, and when the last one ends."""
    days = range((last - first).days + 2)
    return [datetime.combine(first + timedelta(days=number), time.min, zone) for number in days]


PLACED = "placed"
"""The type of the booking of an order that counts from its placing."""

CONFIRMED = EVENTS[Move.CONFIRM]
"""That of one with a hold, which counts from its confirmation."""

PART = timedelta(hours=1)
"""The bookings of so much time are read at once."""

LINE = ("product", "sku", "name", "unit_price", "tax_rate")
COUNTS = ("quantity", "gross", "net", "returned", "returned_gross", "returned_net")
"""What identifies a line of SalesChange, and what it counts."""

Counts = Sequence[Any]
NOTHING: Counts = (0, 0, 0, 0, 0, 0)


def counted(lines: Sequence[LineView], currency: str) -> dict[tuple[Any, ...], Counts]:
    """Returns what each line counts. Without a tax rate there is no net."""
    sold = amounts([(line.line_total, line.tax_rate) for line in lines], currency)
    left = sold
    if any(line.returned for line in lines):
        still = [line.unit_price * (line.quantity - line.returned) for line in lines]
        rates = [line.tax_rate for line in lines]
        left = amounts(zip(still, rates, strict=True), currency)
    counts: dict[tuple[Any, ...], Counts] = {}
    for line, whole, rest in zip(lines, sold, left, strict=True):
        returned = line.returned, *difference(whole, rest)
        key = tuple(getattr(line, name) for name in LINE)
        counts[key] = (line.quantity, whole.gross, whole.net, *returned)
    return counts


def difference(counts: Counts, others: Counts) -> list[Any]:
    """Returns the counts without the others; None where one of both is unknown."""
    pairs = zip(counts, others, strict=True)
    return [None if None in pair else pair[0] - pair[1] for pair in pairs]


def bookings(
    begins: datetime, ends: datetime
) -> Iterator[tuple[dict[UUID, OrderView], list[SalesChange]]]:
    """Yields what was booked from one moment until before another, in parts, the oldest first, with
    the orders: these as they were sold, and what changed later. Orders with a hold count nothing
    before they are confirmed."""
    while (begins := _first_booked(begins)) < ends:
        until = min(begins + PART, ends)
        placed = Order.objects.filter(placed_at__gte=begins, placed_at__lt=until, expires_at=None)
        confirmed = Order.objects.filter(confirmed_at__gte=begins, confirmed_at__lt=until)
        sold = {id: (PLACED, at) for id, at in placed.values_list("id", "placed_at")}
        at_confirmation = confirmed.values_list("id", "confirmed_at")
        sold |= {id: (CONFIRMED, at) for id, at in at_confirmation if at is not None}
        views = orders(sold)
        later: dict[UUID, list[SalesChange]] = defaultdict(list)
        for change in SalesChange.objects.filter(order__in=sold):
            later[change.order_id].append(change)
        rows = list(SalesChange.objects.filter(at__gte=begins, at__lt=until))
        changed = orders({row.order_id for row in rows} - views.keys())
        database.release()
        for view in views.values():
            rows += _as_sold(view, later[view.id], *sold[view.id])
        yield views | changed, sorted(rows, key=lambda row: (row.at, row.order_id, row.product))
        begins = until


def _as_sold(
    order: OrderView, later: Sequence[SalesChange], type: str, at: datetime
) -> Iterator[SalesChange]:
    """Returns what the lines counted when the order was sold: without what changed since."""
    counts = counted(order.lines, order.currency) if order.status in SOLD else {}
    for change in later:
        # The order was read first.
        if change.version <= order.version:
            line = tuple(getattr(change, name) for name in LINE)
            changed = [getattr(change, name) for name in COUNTS]
            counts[line] = difference(counts.get(line, NOTHING), changed)
    for line, units in counts.items():
        if any(units):
            values = dict(zip((*LINE, *COUNTS), (*line, *units), strict=True))
            yield SalesChange(order_id=order.id, type=type, at=at, **values)


def _first_booked(since: datetime) -> datetime:
    """Returns the first moment from one on at which something may have been booked; the last moment
    of all if there is none."""
    placed = Order.objects.filter(placed_at__gte=since).aggregate(first=Min("placed_at"))["first"]
    confirmed = Order.objects.filter(confirmed_at__gte=since).aggregate(first=Min("confirmed_at"))
    changed = SalesChange.objects.filter(at__gte=since).aggregate(first=Min("at"))["first"]
    firsts = placed, confirmed["first"], changed
    return min(filter(None, firsts), default=datetime.max.replace(tzinfo=UTC))
