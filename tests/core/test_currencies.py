"""Minor units of currencies."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from larder.core.money import from_minor, minor_digits, to_minor

CURRENCIES = st.sampled_from(["GBP", "EUR", "JPY", "KWD"])


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [
        ("0.005", "GBP", 1),
        ("0.004", "GBP", 0),
        ("12.345", "GBP", 1235),
        ("0.5", "JPY", 1),
        ("1.5", "JPY", 2),
        ("1.234", "BHD", 1234),
        ("999999999999999999999.999", "GBP", 100000000000000000000000),
    ],
)
def test_half_a_minor_unit_is_rounded_up(amount: str, currency: str, units: int) -> None:
    assert to_minor(Decimal(amount), currency) == units


@given(st.integers(0, 10**24), CURRENCIES)
def test_minor_units_are_exact_both_ways(units: int, currency: str) -> None:
    assert to_minor(from_minor(units, currency), currency) == units


@given(st.decimals(0, 10**9, places=3), CURRENCIES)
def test_rounding_is_at_most_half_a_unit(amount: Decimal, currency: str) -> None:
    off = abs(from_minor(to_minor(amount, currency), currency) - amount)
    assert off.scaleb(minor_digits(currency)) <= Decimal("0.5")
