"""Money: a Decimal with three decimals in the code, a string in the API, minor units at payment
providers. Never a float.

Prices include tax. A tax rate is a Decimal in percent.
Source: ISO 4217, the list of currencies with their minor units.
"""

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

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


DIGITS = {
    **dict.fromkeys(
        (
            *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX"),
            *("VND", "VUV", "XAF", "XOF", "XPF"),
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
"""The currencies whose minor unit is not a hundredth, without the codes of funds."""


def minor_digits(currency: str) -> int:
    """Returns the number of decimals of a currency's minor unit.

    >>> minor_digits("GBP"), minor_digits("JPY"), minor_digits("KWD")
    (2, 0, 3)
    """
    return DIGITS.get(currency, 2)


def to_minor(amount: Decimal, currency: str) -> int:
    """Returns the amount in minor units. Half a unit is rounded away from zero.

    >>> to_minor(Decimal("0.125"), "GBP"), to_minor(Decimal("0.124"), "GBP")
    (13, 12)
    >>> to_minor(Decimal("2.500"), "JPY"), to_minor(Decimal("0.125"), "KWD")
    (3, 125)
    """
    units = amount.scaleb(minor_digits(currency))
    return int(units.to_integral_value(rounding=ROUND_HALF_UP))


def to_payable(amount: Decimal, currency: str) -> int:
    """Returns what is paid for the amount, in minor units. Half of the least step is rounded away
    from zero. In currencies of three decimals the step is ten units: there are payment providers
    that take no other amounts (larder/v1/payment_providers.py).

    >>> to_payable(Decimal("0.125"), "KWD"), to_payable(Decimal("0.124"), "KWD")
    (130, 120)
    >>> to_payable(Decimal("0.125"), "GBP"), to_payable(Decimal("2.500"), "JPY")
    (13, 3)
    """
    digits = minor_digits(currency)
    paid = amount.quantize(Decimal(1).scaleb(-min(digits, 2)), ROUND_HALF_UP)
    return int(paid.scaleb(digits))


def from_minor(units: int, currency: str) -> Decimal:
    """Returns the exact amount of so many minor units.

    >>> from_minor(13, "GBP"), from_minor(3, "JPY")
    (Decimal('0.13'), Decimal('3'))
    """
    return Decimal(units).scaleb(-minor_digits(currency))


class Amount(NamedTuple):
    """What a line counts in the books, in minor units with tax and without; `net` is None without a
    tax rate."""

    gross: int
    net: int | None


def amounts(lines: Iterable[tuple[Decimal, Decimal | None]], currency: str) -> list[Amount]:
    """Returns the amount of each line, of its exact amount and tax rate, in whole minor units. The
    gross amounts add up to what is paid for all; each net amount follows from its gross amount.

    The sum up to each line is rounded, and the line gets the difference to the line before it. So
    one line of 1.005 has 1.01, and a second one 1.00.

    >>> amounts([(Decimal("1.005"), Decimal(20)), (Decimal("1.005"), None)], "GBP")
    [Amount(gross=101, net=84), Amount(gross=100, net=None)]
    """
    total, before, counted = Decimal(0), 0, []
    for exact, rate in lines:
        total += exact
        up_to = to_payable(total, currency)
        gross, before = up_to - before, up_to
        net_units = net(Decimal(gross), rate, decimals=0)
        counted.append(Amount(gross, None if net_units is None else int(net_units)))
    return counted
