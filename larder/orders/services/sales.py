"""Counts the sales of each day for the admin's dashboard (ADR 56).

What was booked on a day does not change later (book_sales.py), so each day is counted until it is
over, and once more, for transactions that committed late.
"""

import logging
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import Error, transaction
from django.db.models import Min

from larder.core.currencies import from_minor
from larder.core.days import midnight
from larder.core.limits import MAX_SOLD_PRODUCTS
from larder.db import database
from larder.orders.models import Order, ProductSales, SalesDay, SalesMark
from larder.orders.sql import books

logger = logging.getLogger(__name__)

MOST_FAILED = 5
"""Days of one run that may fail. With more the database does not work, or counts too slowly."""


def refresh_sales(*, zone: ZoneInfo, now: datetime) -> int:
    """Counts the days from the one before the last run until today; all days in the first run, and
    if the time zone is another. The newest day is first. Returns how many days it counted.

    Each day is one transaction, so the feeds wait for no more than one. A day that fails does not
    stop the run, and the next run counts it again. Raises the database's error after MOST_FAILED
    days.
    """
    failed, days = 0, _days(zone, now)
    for day in days:
        try:
            _count(day, zone)
        except Error:
            failed += 1
            logger.exception(
                "The sales of %s could not be counted. The next run tries again. If this repeats,"
                " check that the database answers.",
                day,
            )
            if failed == MOST_FAILED:
                raise
    if not failed:
        SalesMark.objects.update_or_create(zone=zone.key, defaults={"at": now})
    return len(days) - failed


def _days(zone: ZoneInfo, now: datetime) -> list[date]:
    """Returns the days to count, the newest first. Deletes the days of another time zone."""
    since = SalesMark.objects.filter(zone=zone.key).values_list("at", flat=True).first()
    if since is None:
        for model in (SalesMark, SalesDay, ProductSales):
            model._default_manager.all().delete()
        since = Order.objects.aggregate(first=Min("placed_at"))["first"]
    if since is None:
        return []
    first, last = since.astimezone(zone).date() - timedelta(days=1), now.astimezone(zone).date()
    return [last - timedelta(days=n) for n in range((last - first).days + 1)]


def _count(day: date, zone: ZoneInfo) -> None:
    """Counts a day. Only one run may do so at a time (the job's lock)."""
    begins, ends = (midnight(one, zone) for one in (day, day + timedelta(days=1)))
    period = [begins, ends, begins, ends]
    with transaction.atomic(durable=True):
        rows = [
            SalesDay(
                day=day,
                currency=currency,
                orders=orders,
                cancelled=cancelled,
                revenue=from_minor(int(units), currency),
            )
            for currency, orders, cancelled, units in database.rows(
                books.DAY_SALES, [*period, begins, ends]
            )
        ]
        sold = database.rows(books.BEST_SELLERS, [*period, MAX_SOLD_PRODUCTS])
        products = [ProductSales(day=day, product=id, units=units) for id, units in sold]
        for model, counted in ((SalesDay, rows), (ProductSales, products)):
            _replace(model, day, counted)


def _replace(model: Any, day: date, rows: list[Any]) -> None:
    model.objects.filter(day=day).delete()
    model.objects.bulk_create(rows)
