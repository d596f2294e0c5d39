"""What a bucket has left."""

import pytest

from larder.identity.services.attempts import Rate
from larder.identity.services.quotas import QuotaExceeded, Remaining


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
