"""Money: Decimal inside (three decimals), a string outside. Never a float."""

from decimal import Decimal

PRICE_PATTERN = r"^[0-9]{1,9}([.][0-9]{1,3})?\Z"
"""What a price looks like in a request: numeric(12,3), not negative."""


def text(amount: Decimal) -> str:
    """Two decimals, and a third only where it is not zero.

    >>> text(Decimal("2.5")), text(Decimal("2.500")), text(Decimal("0.125"))
    ('2.50', '2.50', '0.125')
    """
    shown = f"{amount:.3f}"
    return shown[:-1] if shown[-1] == "0" else shown
