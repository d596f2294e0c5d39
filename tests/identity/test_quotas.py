"""The rates that settings give, and what a bucket has left."""

import pytest

from larder.identity.services.attempts import Rate
from larder.identity.services.quotas import QuotaExceeded, Remaining, parse


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("120/hour", Rate(120, 3600)),
        ("1000000/hour", Rate(1_000_000, 3600)),
        ("1000/second", Rate(1000, 1)),
        ("1/minute", Rate(1, 60)),
        ("500/day", Rate(500, 86_400)),
        ("off", None),
    ],
)
def test_a_rate_is_a_number_for_a_unit_of_time(text: str, rate: Rate | None) -> None:
    assert parse(text) == rate


@pytest.mark.parametrize(
    "text",
    [
        *("", "0/hour", "-1/hour", "01/hour", "1.5/hour", "120", "120/", "/hour", "hour", "OFF"),
        *("120/week", "120/Hour", "120 / hour", "120/hour\n", "1001/second", "1000001/day"),
        *("99999999999999999999/hour", "\0/hour", "\u0661/hour", "none"),
    ],
)
def test_an_invalid_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the text is all it says
        parse(text)
    assert str(refused.value) == text


@pytest.mark.parametrize(
    ("used", "units", "wait"),
    [
        (0.0, 4, 0),
        (0.0005, 4, 0),
        (900.0, 3, 900),
        (100.0, 3, 100),
        (3600.0, 0, 900),
        (2701.0, 0, 1),
        (86_400.0, 0, 83_700),
    ],
)
def test_a_quota_reports_the_units_left_and_the_time_of_the_next_one(
    used: float, units: int, wait: int
) -> None:
    remaining = Remaining("orders", Rate(4, 3600), used)
    assert (remaining.units, round(remaining.wait)) == (units, wait)
    assert QuotaExceeded(remaining).retry_after == max(1, wait)
