"""Sums of a period by tax rate, for the accounts."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Case, DecimalField, Expression, F, Func, IntegerField, Sum, Value, When

from larder.core.currencies import DIGITS, from_minor, minor_digits
from larder.core.limits import TOTAL_DIGITS
from larder.orders.lifecycle import CANCELLED, HELD
from larder.orders.models import Order, OrderLine


@dataclass(frozen=True, slots=True)
class TaxSums:
    """The gross and net amounts of the units that were sold with a tax rate, and of those of them
    that were returned. Net amounts are None without a rate."""

    currency: str
    rate: Decimal | None
    gross: Decimal
    net: Decimal | None
    returned_gross: Decimal
    returned_net: Decimal | None


def tax_sums(first: datetime, end: datetime) -> list[TaxSums]:
    """Returns the sums of the lines of orders placed from `first` until before `end`, without those
    that are cancelled or await their payment, by currency and rate.

    Each line is rounded before it is added, as in the accounting export, whose columns have these
    sums. Plan: a range of order_search, and order_line_once of each of these orders.
    """
    placed = Order.objects.filter(placed_at__gte=first, placed_at__lt=end)
    lines = OrderLine.objects.filter(order__in=placed.exclude(status__in=[*HELD, CANCELLED]))
    sums = {
        f"{units}_{make.__name__}": Sum(make(units))
        for units in ("quantity", "returned")
        for make in (_gross, _net)
    }
    rows = lines.values("order__currency", "tax_rate").annotate(**sums)
    found: list[TaxSums] = []
    names = ("order__currency", "tax_rate")
    for currency, rate, *units in rows.order_by(*names).values_list(*names, *sums):
        amounts: list[Any] = [None if one is None else from_minor(one, currency) for one in units]
        found.append(TaxSums(currency, rate, *amounts))
    return found


_MINOR = DecimalField(max_digits=TOTAL_DIGITS, decimal_places=0)
_FACTOR = Case(
    *(When(order__currency=one, then=Value(10 ** minor_digits(one))) for one in DIGITS),
    default=Value(100),
    output_field=IntegerField(),
)
"""The minor units of one unit of the order's currency."""


def _gross(units: str) -> Expression:
    """Returns the line's amount for these units in minor units, rounded half up."""
    exact = F("unit_price") * F(units) * _FACTOR
    return Func(exact, function="round", output_field=_MINOR)


def _net(units: str) -> Expression:
    """Returns the net amount likewise: round(a / b), as the whole part of (2 a + b) / 2 b. Then no
    digit of the quotient is rounded before."""
    exact, percent = F("unit_price") * F(units) * _FACTOR * 100, F("tax_rate") + 100
    return Func(exact * 2 + percent, percent * 2, function="div", output_field=_MINOR)
