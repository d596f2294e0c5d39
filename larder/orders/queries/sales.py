"""The figures of the admin's dashboard."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from larder.core.currencies import from_minor
from larder.core.days import midnight
from larder.db import database
from larder.orders.models import Order, OrderStatus
from larder.orders.sql import daily


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


@dataclass(frozen=True, slots=True)
class OpenOrders:
    """The orders of a status: how many, up to a limit, and when the oldest was placed."""

    status: str
    number: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class OldOrder:
    """An order that is to be packed."""

    id: UUID
    number: int
    placed_at: datetime
    requested_for: date | None
    total: Decimal
    currency: str


def day_sales(first: date, last: date, zone: ZoneInfo) -> list[DaySales]:
    """Returns the sales of these days of a time zone, one for each currency, by day. Days on which
    nothing was booked are not in it."""
    rows = database.rows(daily.DAY_SALES, [_midnights(first, last, zone)])
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
    rows = database.rows(daily.BEST_SELLERS, [_midnights(first, last, zone), limit])
    return [(product, int(units)) for product, units in rows]


def _midnights(first: date, last: date, zone: ZoneInfo) -> list[datetime]:
    """Returns when each of these days begins, and when the last one ends."""
    days = range((last - first).days + 2)
    return [midnight(first + timedelta(days=number), zone) for number in days]


def open_orders(statuses: tuple[str, ...], *, limit: int) -> list[OpenOrders]:
    """Returns the orders of each of these statuses, counted up to `limit`."""
    rows = database.rows(daily.OPEN_ORDERS, [limit, list(statuses)])
    return [OpenOrders(*row) for row in rows]


def due_orders(day: date, *, limit: int) -> dict[str, int]:
    """Returns how many orders are requested for this day or an earlier one, and are not shipped, by
    status, each counted up to `limit`."""
    return dict(database.rows(daily.DUE_ORDERS, [day, limit]))


def oldest_placed(*, limit: int) -> list[OldOrder]:
    """Returns the orders that are to be packed, the oldest first."""
    placed = Order.objects.filter(status=OrderStatus.PLACED)
    rows = placed.order_by("placed_at", "id").values_list(*OldOrder.__slots__)
    return [OldOrder(*row) for row in rows[:limit]]
