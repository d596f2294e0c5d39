"""The minor units of currencies, and the one rounding rule from three decimals to them.

Source: ISO 4217, the list of currencies with their minor units.
"""

from decimal import ROUND_HALF_UP, Decimal

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
    that take no other amounts (larder/v1/payment_providers/stripe.py).

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


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Returns the amount with the decimals of the currency. Half a unit is rounded away from zero.

    >>> rounded(Decimal("0.125"), "GBP"), rounded(Decimal("2.5"), "JPY")
    (Decimal('0.13'), Decimal('3'))
    """
    return from_minor(to_minor(amount, currency), currency)
