"""Numbers, amounts, days and times, as people read them in the current language: in the admin and
in mails."""

from datetime import date, datetime, tzinfo
from decimal import Decimal

from django.utils.formats import number_format
from django.utils.translation import gettext

from larder.core import money
from larder.core.money import from_minor


def grouped(number: int | Decimal) -> str:
    """Returns a number with marks of thousands."""
    return str(number_format(number, force_grouping=True))


def day_of(at: date) -> str:
    """Returns a day in the format of the language."""
    return at.strftime(gettext("%d %b %Y"))


def decimal(value: Decimal) -> str:
    """Returns an amount or a rate without its unit."""
    return grouped(Decimal(money.text(value)))


def amount_pattern(currency: str) -> str:
    """Returns the text of an amount, with braces for its number: with the sign of the currency, or
    its code if the sign is of letters."""
    sign = money.SIGNS.get(currency, "")
    if not sign or sign[0].isalpha():
        return f"{{}} {currency}"
    return gettext("{sign}{amount}").format(sign=sign, amount="{}")


def amount(value: Decimal, currency: str) -> str:
    """Returns an amount of money.

    >>> amount(Decimal("1234.500"), "GBP"), amount(Decimal("2"), "SEK")
    ('£1,234.50', '2.00 SEK')
    >>> with translation.override("de"):
    ...     amount(Decimal("1234.5"), "EUR"), amount(Decimal("2.125"), "GBP")
    ('1.234,50 €', '2,125 £')
    """
    return amount_pattern(currency).format(decimal(value))


def minor_amount(units: int, currency: str) -> str:
    return amount(from_minor(units, currency), currency)


def time_of(at: datetime, zone: tzinfo) -> str:
    """Returns a time in a time zone."""
    return at.astimezone(zone).strftime(gettext("%d %b %Y, %H:%M"))
