"""What changed the sales of orders after they were placed."""

from typing import Any

from django.db import models

from larder.core.limits import (
    MAX_NAME_LENGTH,
    MAX_SKU_LENGTH,
    MONEY_DECIMALS,
    PRICE_DIGITS,
    TOTAL_DIGITS,
)
from larder.db.fields import tax_rate


def minor_units(**options: Any) -> "models.DecimalField[Any, Any]":
    """Returns a column of an amount in minor units. Those of the largest order are no bigint."""
    return models.DecimalField(max_digits=TOTAL_DIGITS, decimal_places=0, **options)


class SalesChange(models.Model):
    """A difference in what a line counts in the books, at the time of the event `type`, which gave
    the order this `version`. Append-only.

    Amounts are minor units of the order's currency (larder/orders/amounts.py). `quantity`, `gross`
    and `net` are of what is sold, less what is cancelled; the others of what came back. An order
    without a hold counts as sold when it is placed, so it has only the later changes. One with a
    hold counts from its confirmation, which is a change.
    """

    id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(
        "orders.Order", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    version = models.IntegerField()
    product = models.BigIntegerField()
    type = models.CharField(max_length=20)
    at = models.DateTimeField()
    sku = models.CharField(max_length=MAX_SKU_LENGTH)
    name = models.CharField(max_length=MAX_NAME_LENGTH)
    unit_price = models.DecimalField(max_digits=PRICE_DIGITS, decimal_places=MONEY_DECIMALS)
    tax_rate = tax_rate(editable=False)
    quantity = models.IntegerField()
    gross = minor_units()
    net = minor_units(null=True)
    returned = models.IntegerField()
    returned_gross = minor_units()
    returned_net = minor_units(null=True)

    class Meta:
        db_table = "sales_change"
        default_permissions = ()
        indexes = (
            models.Index(fields=["order", "id"], name="sales_change_of_order"),
            models.Index(fields=["at", "id"], name="sales_change_by_time"),
        )
