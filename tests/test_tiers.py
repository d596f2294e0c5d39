"""`make test` stays quick: a test that starts a server says so."""

import pytest

from tests import tiers
from tests.server import Server


def test_a_server_that_an_unmarked_test_starts_is_refused() -> None:
    with pytest.raises(AssertionError, match=r"pytest\.mark\.system"), Server():
        pass


@pytest.mark.system
def test_a_marked_test_may_start_a_server() -> None:
    assert tiers.is_system()


def test_a_fixture_that_starts_a_server_marks_its_tests(request: pytest.FixtureRequest) -> None:
    item = request.node
    tiers.mark(item)
    assert item.get_closest_marker("system") is None
    item.fixturenames.append("long_server")
    try:
        tiers.mark(item)
    finally:
        item.fixturenames.remove("long_server")
    assert item.get_closest_marker("system") is not None
