"""The figures of days that the admin's dashboard shows."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from larder.core.limits import (
    MAX_CODE_LENGTH,
    MAX_SHORT_TEXT_LENGTH,
    MONEY_DECIMALS,
    TOTAL_DIGITS,
)


class SalesDay(models.Model):
    """The orders that were placed on a day of the shop's time zone, as `refresh_sales` counted
    them.

    `orders` are all, `cancelled` those that are cancelled now. `revenue` is the total of those that
    are confirmed and not cancelled.
    """

    pk = models.CompositePrimaryKey("day", "currency")
    day = models.DateField()
    currency = models.CharField(max_length=3)
    orders = models.IntegerField()
    cancelled = models.IntegerField()
    revenue = models.DecimalField(max_digits=TOTAL_DIGITS, decimal_places=MONEY_DECIMALS)

    class Meta:
        db_table = "sales_day"
        default_permissions = ()


class ProductSales(models.Model):
    """The units of a product in those orders of a day that count as revenue.

    Only the MAX_SOLD_PRODUCTS best sellers of a day have a row.
    """

    pk = models.CompositePrimaryKey("day", "product")
    day = models.DateField()
    product = models.BigIntegerField()
    units = models.BigIntegerField()

    class Meta:
        db_table = "product_sales"
        default_permissions = ()


class SalesMark(models.Model):
    """How far `refresh_sales` has read the events: one row, without one nothing was counted.

    Epoch, transaction id and number are those of a mark of the feed (larder/db/feed.py). `zone` is
    the time zone of the days, `at` when all of them were counted last, and `days` are those that
    are still to be counted.
    """

    zone = models.CharField(max_length=MAX_SHORT_TEXT_LENGTH, primary_key=True)
    epoch = models.CharField(max_length=MAX_SHORT_TEXT_LENGTH)
    transaction_id = models.BigIntegerField()
    number = models.BigIntegerField()
    at = models.DateTimeField(null=True)
    days = ArrayField(models.DateField(), db_default=[])

    class Meta:
        db_table = "sales_mark"
        default_permissions = ()


class RefusedOrders(models.Model):
    """How many orders were refused with a code on a day of the shop's time zone.

    Servers add to `number` what they counted (larder/orders/services/refusals.py). `code` is one of
    those that it counts, so a day has few rows.
    """

    pk = models.CompositePrimaryKey("day", "code")
    day = models.DateField()
    code = models.CharField(max_length=MAX_CODE_LENGTH)
    number = models.BigIntegerField()

    class Meta:
        db_table = "refused_orders"
        default_permissions = ()
