"""The limits of the cost of the order history."""

import pytest

from benchmarks.history.__main__ import beyond_the_bar, table
from benchmarks.history.course import Found


def found(*slower: float) -> Found:
    """A question whose large shop was so many times slower, round by round."""
    small = [0.001 * number for number in range(1, 101)]
    rounds = [{10: small, 1000: [one * factor for one in small]} for factor in slower]
    return Found("by status", rounds)


def test_a_ratio_is_the_median_of_the_ratios_of_rounds() -> None:
    assert found(1, 1, 9).ratio(1000) == pytest.approx(1)
    assert found(2, 1.5, 2).ratio(1000) == pytest.approx(2)


def test_a_shop_of_medium_size_is_judged() -> None:
    slow = [0.002] * 100
    fast = [0.001] * 100
    middling = Found("by status", [{10: fast, 100: slow, 1000: fast}])
    assert beyond_the_bar([middling], [10, 100, 1000]) == ["by status (100)"]
    largest = Found("by time", [{10: fast, 100: fast, 1000: slow}])
    assert beyond_the_bar([largest, found(1.2)], [10, 1000]) == ["by time (1,000)"]


def test_the_table_has_each_size_and_the_ratios_to_the_smallest() -> None:
    heading, _, row = table([found(1.5)], [10, 1000]).splitlines()
    assert heading == "|  | 10: p50, p99 ms | 1,000: p50, p99 ms | p99 1,000 ÷ 10 |"
    assert row == "| by status | 50.0, 99.0 | 75.0, 148.5 | 1.50 |"
