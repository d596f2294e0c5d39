"""Money: Decimal inside (three decimals), a string outside. Never a float."""

from decimal import Decimal

from larder.core.limits import MONEY_DECIMALS, PRICE_DIGITS


def pattern(digits: int) -> str:
    """Returns what an amount of up to `digits` digits looks like in a request: not negative, with
    MONEY_DECIMALS of them behind the point at most."""
    return rf"^[0-9]{{1,{digits - MONEY_DECIMALS}}}([.][0-9]{{1,{MONEY_DECIMALS}}})?\Z"


PRICE_PATTERN = pattern(PRICE_DIGITS)
"""A price."""


def text(amount: Decimal) -> str:
    """Two decimals, and a third only where it is not zero.

    >>> text(Decimal("2.5")), text(Decimal("2.500")), text(Decimal("0.125"))
    ('2.50', '2.50', '0.125')
    """
    shown = f"{amount:.3f}"
    return shown[:-1] if shown[-1] == "0" else shown
