"""Money: a Decimal with three decimals in the code, a string in the API. Never a float."""

from decimal import Decimal

from larder.core.limits import MONEY_DECIMALS, PRICE_DIGITS


def pattern(digits: int) -> str:
    """Returns the pattern of an amount in a request: not negative, with up to `digits` digits, of
    which up to MONEY_DECIMALS follow the decimal point."""
    return rf"^[0-9]{{1,{digits - MONEY_DECIMALS}}}([.][0-9]{{1,{MONEY_DECIMALS}}})?\Z"


PRICE_PATTERN = pattern(PRICE_DIGITS)
"""The pattern of a price."""


def text(amount: Decimal) -> str:
    """Returns the amount with two decimals, or with three if the third is not zero.

    >>> text(Decimal("2.5")), text(Decimal("2.500")), text(Decimal("0.125"))
    ('2.50', '2.50', '0.125')
    """
    shown = f"{amount:.3f}"
    return shown[:-1] if shown[-1] == "0" else shown
