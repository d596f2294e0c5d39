"""System checks of the settings of the API."""

from typing import Any

import pytest

from larder.ops.checks import contracts_exist, least_total_is_an_amount


@pytest.mark.parametrize(
    ("least", "wrong"), [("0", 0), ("12.50", 0), ("-1", 1), ("NaN", 1), ("a", 1)]
)
def test_an_invalid_minimum_total_is_reported_by_the_system_checks(
    settings: Any, least: str, wrong: int
) -> None:
    settings.MIN_ORDER_TOTAL = least
    assert [one.id for one in least_total_is_an_amount()] == ["larder.E008"] * wrong


def test_an_unknown_contract_is_named(settings: Any) -> None:
    settings.COMPAT = frozenset({"1", "seven"})
    (fault,) = contracts_exist()
    assert "seven" in fault.msg
