"""The figures of days that the admin's dashboard shows."""

from django.db import models

from larder.core.limits import (
    MAX_CODE_LENGTH,
    MAX_SHORT_TEXT_LENGTH,
    MONEY_DECIMALS,
    TOTAL_DIGITS,
)


class SalesDay(models.Model):
    """The sales of a day of the shop's time zone, as `refresh_sales` counted them.

    `orders` were placed on this day, and `cancelled` were sold before and cancelled on it.
    `revenue` is what was sold and changed on it, less what was cancelled or came back.
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
    """The units of a product that were sold on a day, less those that were cancelled on it.

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
    """When `refresh_sales` has counted all days of this time zone last: one row, without one
    nothing was counted."""

    zone = models.CharField(max_length=MAX_SHORT_TEXT_LENGTH, primary_key=True)
    at = models.DateTimeField()

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
