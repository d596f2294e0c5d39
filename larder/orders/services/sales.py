"""Counts the sales of each day for the admin's dashboard.

The events say which orders changed, and so on which days to count again. A day is counted anew from
its orders, never added to: a run that is cut off, or counts a day twice, does no harm.
"""

import logging
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import Error, transaction
from django.db.models import Count, F, Func, Max, Min, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce

from larder.core.days import midnight
from larder.core.limits import MAX_SOLD_PRODUCTS
from larder.db.feed import Feed, Mark, SinceExpired, begin, read
from larder.orders.lifecycle import CANCELLED, HELD
from larder.orders.models import Order, OrderLine, ProductSales, SalesDay, SalesMark
from larder.orders.sql import daily

logger = logging.getLogger(__name__)

EVENTS = Feed("order_event", "order_id", daily.SALES_EVENTS)
"""Neither total nor lines of an order change when it is shipped or delivered."""

PART = 1_000
"""Events, and orders, of one statement."""

MOST_PARTS = 200
"""Parts of one run. The next run reads the others."""

MOST_FAILED = 5
"""Days of one run that may fail. With more the database does not work, or counts too slowly."""

_SOLD = ~Q(status__in=[*HELD, CANCELLED])


def refresh_sales(*, zone: ZoneInfo, now: datetime) -> int:
    """Counts again the days of all orders that changed since the last run; all days in the first
    run, after a restore, and if the time zone is another. The newest day is first. Returns how many
    days it counted.

    Each day is one transaction, so the feeds wait for no more than one. A day that fails does not
    stop the run, and the next run counts it again.

    Raises the database's error after MOST_FAILED days.
    """
    days, more = _note_days(zone)
    failed = 0
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
    if not failed and not more:
        SalesMark.objects.filter(zone=zone.key).update(at=now)
    return len(days) - failed


def _note_days(zone: ZoneInfo) -> tuple[list[date], bool]:
    """Stores how far the events are read, with the days to count. Returns these days, the newest
    first, and whether there are more events."""
    row = SalesMark.objects.filter(zone=zone.key).first()
    try:
        if row is None:
            raise SinceExpired
        after = Mark(row.epoch, row.transaction_id, row.number)
        days, mark, more = _changed_days(after, zone)
        at, days = row.at, days | set(row.days)
    except SinceExpired:
        SalesMark.objects.all().delete()
        mark, more, at, days = begin(EVENTS), False, None, _all_days(zone)
    values = {"epoch": mark.epoch, "transaction_id": mark.transaction_id, "number": mark.number}
    ordered = sorted(days, reverse=True)
    SalesMark.objects.update_or_create(
        zone=zone.key, defaults={**values, "at": at, "days": ordered}
    )
    return ordered, more


def _changed_days(after: Mark, zone: ZoneInfo) -> tuple[set[date], Mark, bool]:
    """Returns the days, the mark behind the events that were read, and whether there are more.

    Raises SinceExpired.
    """
    days: set[date] = set()
    for _ in range(MOST_PARTS):
        page = read(EVENTS, after, limit=PART)
        orders = Order.objects.filter(pk__in=set(page.subjects), placed_at__isnull=False)
        days |= _days(orders.order_by().values_list("placed_at", flat=True), zone)
        after = page.mark
        if not page.more:
            break
    return days, after, page.more


def _days(moments: Iterable[datetime | None], zone: ZoneInfo) -> set[date]:
    return {at.astimezone(zone).date() for at in moments if at is not None}


def _all_days(zone: ZoneInfo) -> set[date]:
    """Returns every day from the first order to the last, and those that were counted before."""
    counted = set(SalesDay.objects.order_by().values_list("day", flat=True).distinct())
    placed = Order.objects.filter(placed_at__isnull=False)
    ends = placed.aggregate(first=Min("placed_at"), last=Max("placed_at"))
    found = _days(ends.values(), zone)
    if not found:
        return counted
    first, last = min(found), max(found)
    return counted | {first + timedelta(days=n) for n in range((last - first).days + 1)}


def _count(day: date, zone: ZoneInfo) -> None:
    """Counts a day, and takes it from those that are to be counted. Only one run may do so at a
    time (the job's lock).

    Plan: a range of order_search; for the units, order_line_once of each of these orders.
    """
    begins, ends = (midnight(one, zone) for one in (day, day + timedelta(days=1)))
    with transaction.atomic(durable=True):
        placed = Order.objects.filter(placed_at__gte=begins, placed_at__lt=ends)
        _write_days(day, placed)
        _write_products(day, placed)
        left = Func(F("days"), Value(day), function="array_remove")
        SalesMark.objects.filter(zone=zone.key).update(days=left)


def _write_days(day: date, placed: "QuerySet[Order]") -> None:
    found = (
        placed.order_by()
        .values("currency")
        .annotate(
            orders=Count("pk"),
            cancelled=Count("pk", filter=Q(status=CANCELLED)),
            revenue=Coalesce(Sum("total", filter=_SOLD), 0, output_field=SalesDay.revenue.field),
        )
    )
    rows = [SalesDay(day=day, **one) for one in found]
    SalesDay.objects.filter(day=day).exclude(currency__in=[one.currency for one in rows]).delete()
    _upsert(SalesDay, rows, "day", "currency")


def _write_products(day: date, placed: "QuerySet[Order]") -> None:
    lines = OrderLine.objects.filter(order__in=placed.filter(_SOLD))
    sold = lines.values_list("product").annotate(units=Sum("quantity"))
    best = sold.order_by("-units", "product")[:MAX_SOLD_PRODUCTS]
    known = dict(ProductSales.objects.filter(day=day).values_list("product", "units"))
    found = dict(best)
    gone = known.keys() - found.keys()
    ProductSales.objects.filter(day=day, product__in=gone).delete()
    changed = [
        ProductSales(day=day, product=product, units=units)
        for product, units in found.items()
        if known.get(product) != units
    ]
    _upsert(ProductSales, changed, "day", "product")


def _upsert(model: Any, rows: list[Any], *key: str) -> None:
    fields = [one.name for one in model._meta.concrete_fields if one.name not in {"pk", *key}]
    model.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=list(key), update_fields=fields
    )
