"""The figures of the admin's dashboard. None of these reads grows with the number of orders."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Sum

from larder.db import database
from larder.orders.models import (
    Order,
    OrderStatus,
    ProductSales,
    RefusedOrders,
    SalesDay,
    SalesMark,
)
from larder.orders.sql import daily


@dataclass(frozen=True, slots=True)
class DaySales:
    """The sales of a day in a currency, as SalesDay has them."""

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


def counted_at(zone: str) -> datetime | None:
    """Returns the time of the last complete count of sales by days of this zone; None before the
    first."""
    return SalesMark.objects.filter(zone=zone).values_list("at", flat=True).first()


def day_sales(first: date, last: date) -> list[DaySales]:
    """Returns the sales of these days, one for each currency, by day. Days without orders are not
    in it. Plan: a range of the primary key."""
    rows = SalesDay.objects.filter(day__range=(first, last)).order_by("day", "currency")
    return [DaySales(*row) for row in rows.values_list(*DaySales.__slots__)]


def best_sellers(first: date, last: date, *, limit: int) -> list[tuple[int, int]]:
    """Returns product ids and units of the best sellers of these days. Plan: a range of the primary
    key, up to MAX_SOLD_PRODUCTS rows for each day."""
    rows = ProductSales.objects.filter(day__range=(first, last)).order_by().values_list("product")
    return list(rows.annotate(sold=Sum("units")).order_by("-sold", "product")[:limit])


def refused_orders(first: date, last: date) -> list[tuple[str, int]]:
    """Returns how many orders were refused on these days, by code, the most first. Plan: a range of
    the primary key, with a few rows for each day."""
    rows = RefusedOrders.objects.filter(day__range=(first, last)).order_by().values_list("code")
    return list(rows.annotate(refused=Sum("number")).order_by("-refused", "code"))


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
    placed = Order.objects.filter(status=OrderStatus.PLACED, placed_at__isnull=False)
    rows = placed.order_by("placed_at", "id").values_list(*OldOrder.__slots__)
    return [OldOrder(*row) for row in rows[:limit]]
