"""Sums of a period by tax rate, for the accounts."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from larder.core.currencies import from_minor
from larder.db import database
from larder.orders.sql import books


@dataclass(frozen=True, slots=True)
class TaxSums:
    """The gross and net amounts of what was sold with a tax rate, less what was cancelled, and of
    what came back. Net amounts are None without a rate."""

    currency: str
    rate: Decimal | None
    gross: Decimal
    net: Decimal | None
    returned_gross: Decimal
    returned_net: Decimal | None


def tax_sums(begins: datetime, ends: datetime) -> list[TaxSums]:
    """Returns the sums of what was booked from one moment until before another, by currency and
    rate. Later changes of these orders are in the sums of their own time. Orders that await their
    payment are not booked."""
    rows = database.rows(books.TAX_SUMS, [begins, ends, begins, ends])
    return [TaxSums(currency, rate, *_amounts(units, currency)) for currency, rate, *units in rows]


def _amounts(units: list[Any], currency: str) -> list[Any]:
    return [None if number is None else from_minor(int(number), currency) for number in units]
