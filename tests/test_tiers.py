"""`make test` stays quick: a test that starts a server or another program says so."""

import subprocess
import sys

import pytest

from tests import tiers


def test_an_unmarked_test_cannot_start_a_program() -> None:
    with pytest.raises(RuntimeError, match="give it the marker `system`"):
        subprocess.run([sys.executable, "-c", ""], check=True)


@pytest.mark.system
def test_a_marked_test_can_start_a_server() -> None:
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
