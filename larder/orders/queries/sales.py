"""The figures of the admin's dashboard, and what is booked in a period, for the accounts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from larder.core.clock import midnight
from larder.core.money import from_minor
from larder.db import database
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


def best_sellers(first: date, last: date, zone: ZoneInfo, *, limit: int) -> list[tuple[int, int]]:
    """Returns product ids and units of the best sellers of these days."""
    rows = database.rows(sales.BEST_SELLERS, [_midnights(first, last, zone), limit])
    return [(product, int(units)) for product, units in rows]


def _midnights(first: date, last: date, zone: ZoneInfo) -> list[datetime]:
    """Returns when each of these days begins, and when the last one ends."""
    days = range((last - first).days + 2)
    return [midnight(first + timedelta(days=number), zone) for number in days]


PLACED = "placed"
"""The type of the booking of an order that counts from its placing."""

PART = timedelta(hours=1)
"""The bookings of so much time are read at once."""


@dataclass(frozen=True, slots=True)
class Booking:
    """What a line counts from `at` on, or what of it changed then, as SalesChange has it."""

    order: UUID
    product: int
    type: str
    at: datetime
    sku: str
    name: str
    unit_price: Decimal
    tax_rate: Decimal | None
    quantity: int
    gross: int
    net: int | None
    returned: int
    returned_gross: int
    returned_net: int | None


def bookings(begins: datetime, ends: datetime) -> Iterator[list[Booking]]:
    """Yields what was booked from one moment until before another, in parts, the oldest first:
    orders as they were placed, and what changed later. Orders with a hold count nothing when they
    are placed."""
    while (begins := _first_booked(begins)) < ends:
        until = min(begins + PART, ends)
        rows = database.rows(sales.BOOKINGS, [begins, until, begins, until])
        database.release()
        yield [
            Booking(*row[:8], *[None if units is None else int(units) for units in row[8:]])
            for row in rows
        ]
        begins = until


def _first_booked(since: datetime) -> datetime:
    """Returns the first moment from one on at which something may have been booked; the last moment
    of all if there is none."""
    ((first,),) = database.rows(sales.FIRST_BOOKED, [since, since])
    return first or datetime.max.replace(tzinfo=UTC)
