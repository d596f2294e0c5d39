"""Money: a Decimal with three decimals in the code, a string in the API. Never a float.

Prices include tax. A tax rate is a Decimal in percent.
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from larder.core.limits import MONEY_DECIMALS, PRICE_DIGITS


def pattern(digits: int) -> str:
    """Returns the pattern of an amount in a request: not negative, with up to `digits` digits, of
    which up to MONEY_DECIMALS follow the decimal point."""
    return rf"^[0-9]{{1,{digits - MONEY_DECIMALS}}}([.][0-9]{{1,{MONEY_DECIMALS}}})?\Z"


PRICE_PATTERN = pattern(PRICE_DIGITS)
"""The pattern of a price."""

SIGNS = {
    "CHF": "Fr.", "CNY": "¥", "CZK": "Kč", "DKK": "kr", "EUR": "€", "GBP": "£", "INR": "₹",
    "JPY": "¥", "NOK": "kr", "PLN": "zł", "SEK": "kr", "UAH": "₴", "USD": "$",
}  # fmt: skip
"""What files have beside an amount, for the code of the currency."""

TAX_RATE_PATTERN = r"^(100([.]0{1,2})?|[0-9]{1,2}([.][0-9]{1,2})?)\Z"
"""The pattern of a tax rate in a request: from 0 to MAX_TAX_RATE percent, with up to
TAX_RATE_DECIMALS decimals."""


def net(gross: Decimal, rate: Decimal | None, decimals: int = MONEY_DECIMALS) -> Decimal | None:
    """Returns the amount without the tax of this rate that it contains, rounded half up once; None
    without a rate. The tax is the rest, so both always add up.

    >>> net(Decimal("12.00"), Decimal(20)), net(Decimal("0.22"), Decimal(19), decimals=2)
    (Decimal('10.000'), Decimal('0.18'))
    """
    if rate is None:
        return None
    return (gross * 100 / (100 + rate)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def text(amount: Decimal) -> str:
    """Returns the amount with two decimals, or with three if the third is not zero.

    >>> text(Decimal("2.5")), text(Decimal("2.500")), text(Decimal("0.125"))
    ('2.50', '2.50', '0.125')
    """
    shown = f"{amount:.3f}"
    return shown[:-1] if shown[-1] == "0" else shown


def text_or_none(amount: Decimal | None) -> str | None:
    """Returns `text` of an amount that may be unknown."""
    return None if amount is None else text(amount)


def with_texts(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the fields, amounts and rates as texts."""
    return {
        name: text(value) if isinstance(value, Decimal) else value for name, value in fields.items()
    }
