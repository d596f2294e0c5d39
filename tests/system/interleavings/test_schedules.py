"""All schedules of two sessions, random ones of three, and one that was printed.

SCHEDULE="expiry_and_order aabtb" pytest tests/system/interleavings -k printed

repeats a schedule that a failure has printed.
"""

import os

import pytest

from larder.ops.books import invariants
from tests.system.interleavings import scenarios
from tests.system.interleavings.conftest import Explore, Scenario
from tests.system.interleavings.scenarios import PAIRS, TRIPLES

SEEDS = range(25)


def _name(scenario: Scenario) -> str:
    return scenario.__name__


@pytest.mark.parametrize("scenario", PAIRS, ids=_name)
def test_no_schedule_of_two_sessions_shows_a_fault(scenario: Scenario, explore: Explore) -> None:
    explore(scenario).all_schedules()
    assert invariants.check().violated == []


@pytest.mark.parametrize("scenario", TRIPLES, ids=_name)
def test_no_random_schedule_of_three_sessions_shows_a_fault(
    scenario: Scenario, explore: Explore
) -> None:
    explore(scenario).random_schedules(SEEDS)
    assert invariants.check().violated == []


@pytest.mark.skipif("SCHEDULE" not in os.environ, reason="no schedule is given")
def test_a_printed_schedule_shows_no_fault(explore: Explore) -> None:
    name, schedule = os.environ["SCHEDULE"].split()
    explore(getattr(scenarios, name)).replay(schedule)
    assert invariants.check().violated == []
