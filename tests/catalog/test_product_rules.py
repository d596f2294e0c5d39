"""Rules of a line are refused if no quantity satisfies all of them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from larder.catalog.services.products import change_product
from larder.core.errors import InvalidInput

small = st.integers(1, 30)


@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(least=small, most=st.none() | small, step=small)
def test_rules_are_accepted_if_and_only_if_some_quantity_satisfies_them(
    jam: int, now: datetime, least: int, most: int | None, step: int
) -> None:
    rules = {"min_quantity": least, "max_per_order": most, "step": step}
    fitting = [n for n in range(1, 100) if least <= n <= (most or n) and n % step == 0]
    try:
        change_product(jam, rules, caller=None, now=now)
        taken = True
    except InvalidInput as error:
        (fault,) = error.faults
        assert fault.where == ("/max_per_order", "/step")[most is None or least <= most]
        taken = False
    assert taken == bool(fitting)


@pytest.fixture
def jam(product: Callable[..., int]) -> int:
    """A product with any rules."""
    return product()


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ({"min_quantity": 7, "max_per_order": 9}, {"step": 5}),
        ({"min_quantity": 6, "step": 6}, {"max_per_order": 7, "min_quantity": 7}),
        ({"max_per_order": 8, "step": 3}, {"min_quantity": 7}),
    ],
)
def test_a_change_is_checked_together_with_the_unchanged_rules(
    product: Callable[..., int], now: datetime, before: dict[str, Any], change: dict[str, Any]
) -> None:
    jam = product(**before)
    with pytest.raises(InvalidInput) as refused:
        change_product(jam, change, caller=None, now=now)
    assert [fault.where for fault in refused.value.faults] == ["/step"]
