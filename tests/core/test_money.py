"""Amounts of money are exact and have one text form."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from larder.core.money import PRICE_PATTERN, text

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
