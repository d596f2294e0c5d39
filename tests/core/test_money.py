"""Amounts of money are exact and have one text form."""

import re
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from larder.core.money import PRICE_PATTERN, TAX_RATE_PATTERN, net, text

amounts = st.decimals(0, Decimal("1e18"), places=3, allow_nan=False)


@given(amounts)
def test_the_text_of_an_amount_is_that_amount(amount: Decimal) -> None:
    assert Decimal(text(amount)) == amount
    assert re.fullmatch(r"[0-9]+[.][0-9]{2}[1-9]?", text(amount))


@given(amounts.filter(lambda amount: amount < 10**9))
def test_every_price_that_is_shown_can_be_sent_back(amount: Decimal) -> None:
    assert re.fullmatch(PRICE_PATTERN, text(amount))


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("0", "0.00"), ("1E+3", "1000.00"), ("0.001", "0.001"), ("2.50", "2.50"), ("1E-3", "0.001")],
)
def test_amounts_have_no_exponents_or_trailing_zeros(amount: str, shown: str) -> None:
    assert text(Decimal(amount)) == shown


@pytest.mark.parametrize("sent", ["", "-1", "+1", "1.", ".5", "1.2345", "1e3", "1\n", "٣", "1,5"])
def test_text_that_is_not_a_price_is_refused(sent: str) -> None:
    assert re.search(PRICE_PATTERN, sent) is None


@given(amounts, st.decimals(0, 100, places=2))
def test_a_net_amount_is_within_half_a_thousandth_of_the_quotient(
    gross: Decimal, rate: Decimal
) -> None:
    amount = net(gross, rate)
    assert amount is not None
    error = abs(Fraction(amount) - Fraction(gross) / (1 + Fraction(rate) / 100))
    assert error <= Fraction(1, 2000)
    assert 0 <= amount <= gross
    assert amount.as_tuple().exponent == -3


@pytest.mark.parametrize(
    ("gross", "rate", "expected"),
    [
        ("12.00", "20", "10.000"),
        ("0.003", "100", "0.002"),
        ("0.001", "100", "0.001"),
        ("0.35", "0", "0.350"),
        ("999999999999999.999", "19.00", "840336134453781.512"),
    ],
)
def test_half_a_thousandth_is_rounded_up(gross: str, rate: str, expected: str) -> None:
    assert str(net(Decimal(gross), Decimal(rate))) == expected


def test_nothing_is_known_without_a_rate() -> None:
    assert net(Decimal(1), None) is None


@given(st.decimals(0, 100, places=2))
def test_every_tax_rate_that_is_shown_can_be_sent_back(rate: Decimal) -> None:
    assert re.search(TAX_RATE_PATTERN, text(rate))


@pytest.mark.parametrize("sent", ["", "-1", "100.01", "101", "20.", ".5", "1.234", "20%", "1\n"])
def test_text_that_is_not_a_tax_rate_is_refused(sent: str) -> None:
    assert re.search(TAX_RATE_PATTERN, sent) is None
