"""The arithmetic of a measurement."""

import math
from statistics import median

import pytest

from benchmarks.measurement import Cpu, Measurement, Usage, cost_ratio, percentile, ratio, summary

NOTHING = Cpu(0, 0, 0, 0)


def measurement(requests: int, *, seconds: float = 2.0, cpu: Cpu = NOTHING) -> Measurement:
    return Measurement(seconds, [0.010] * requests, cpu, sent=requests)


@pytest.mark.parametrize(
    ("share", "value"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.991, 100), (0.0, 1)]
)
def test_a_percentile_is_the_smallest_value_that_the_share_does_not_exceed(
    share: float, value: float
) -> None:
    assert percentile(range(1, 101), share) == value


def test_a_percentile_of_no_values_is_not_a_number() -> None:
    assert math.isnan(percentile([], 0.5))


def test_the_rate_counts_only_requests_of_the_counted_time() -> None:
    warm = Measurement(4.0, [0.1] * 10, NOTHING, sent=25)
    assert warm.rate == 2.5


def test_cpu_time_is_in_microseconds_for_a_request() -> None:
    one = measurement(1000, cpu=Cpu(application=0.5, postgresql=0.1, generator=0.02, others=0))
    assert one.each(one.cpu.application) == pytest.approx(500)
    assert one.each(one.cpu.postgresql) == pytest.approx(100)


def test_a_measurement_without_requests_has_no_cost() -> None:
    assert math.isnan(measurement(0).each(1.0))


def test_a_ratio_compares_measurements_of_the_same_round() -> None:
    ours = [measurement(100), measurement(30), measurement(60)]
    limit = [measurement(200), measurement(60), measurement(60)]
    assert ratio(ours, limit) == 0.5
    rates, limits = [one.rate for one in ours], [one.rate for one in limit]
    assert median(rates) / median(limits) != 0.5


def test_a_ratio_to_zero_is_not_a_number() -> None:
    assert math.isnan(ratio([measurement(5)], [measurement(0)]))


def test_a_load_with_twice_the_cpu_cost_of_its_limit_has_half_of_its_ratio() -> None:
    ours = summary([measurement(10, cpu=Cpu(0.02, 0, 0, 5.0))], cores=2)
    limit = summary([measurement(400, cpu=Cpu(0.2, 0.1, 0.1, 0))], cores=2)
    assert cost_ratio(ours, limit) == pytest.approx(0.5)


def test_a_summary_has_the_median_of_each_figure() -> None:
    fast = measurement(400, cpu=Cpu(0.4, 0.2, 0.1, 1.0))
    slow = measurement(100, cpu=Cpu(0.4, 0.2, 0.1, 3.0))
    middle = measurement(200, cpu=Cpu(0.4, 0.2, 0.1, 2.0))
    found = summary([fast, slow, middle], cores=2)
    assert (found.rate, found.others) == (100, 0.5)
    assert found.application == pytest.approx(2000)
    assert found.p50 == pytest.approx(10)


def test_unknown_cpu_time_counts_for_other_processes() -> None:
    usage = Usage(application=1.0, postgresql=0.5, machine=2.5)
    assert usage.with_generator(0.25).others == pytest.approx(0.75)
    assert usage.with_generator(2.0).others == 0
